/*
 * Domain names: one normal form (lower-case A-labels, no last dot) and
 * comparison by labels, never by string prefix or suffix.
 */
#ifndef GATEPOST_MAIL_DOMAIN_H
#define GATEPOST_MAIL_DOMAIN_H

#include "common/base/arena.h"

/*
 * The normal form of a domain as found in mail or configuration: one final
 * dot dropped, U-labels turned into A-labels (IDNA2008, RFC 5891; where the
 * name is not valid UTF-8 or not valid IDNA: false), ASCII in lower case.
 * Labels of 1 to 63 bytes, 253 in all; any ASCII byte above space except
 * '@' is let through, since DNS allows underscores and more. False and
 * SLICE_NONE otherwise.
 */
bool domain_normalise(struct arena *a, struct slice name,
		      struct slice *normal_r);
/* Whether name equals parent or is below it, by labels, without case. */
bool domain_is_within(struct slice name, struct slice parent);
/* Without its first label; empty when there is only one. */
struct slice domain_parent(struct slice name);
/* Number of labels; 0 for an empty name. */
size_t domain_labels(struct slice name);
/* The last `count` labels (the whole name if it has no more). */
struct slice domain_tail(struct slice name, size_t count);
/* Whether every label is letters, digits and inner hyphens, 2+ labels. */
bool domain_is_fqdn(struct slice name);

#endif
