/*
 * What users do with their messages, told to the engine: taken out of
 * quarantine or Junk, put into Junk, marked as junk or as none. One command
 * tells once it is committed, without waiting; what cannot be told is
 * dropped, and no command fails for it.
 */
#ifndef GATEPOST_PLUGIN_FEEDBACK_H
#define GATEPOST_PLUGIN_FEEDBACK_H

struct mail;
struct mail_user;
struct mailbox;

/* Hooks of mail_storage_hooks; only in imap and doveadm do they do a thing. */
void plugin_feedback_user(struct mail_user *user);
void plugin_feedback_mailbox(struct mailbox *box);
void plugin_feedback_mail(struct mail *mail);

#endif
