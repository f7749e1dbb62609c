/*
 * Mail addresses (RFC 5322 3.4 with the obsolete forms of 4.4, RFC 6854,
 * RFC 6532). One pass of a small lexer, never recursive; every text is read
 * at most twice, so time grows with the length only. Nothing is decoded:
 * encoded words stay words (RFC 2047 5 forbids them in addresses).
 *
 * A field that breaks the grammar is still read, since reader programs do
 * so too: an unclosed quote or comment counts as plain text, and where two
 * readings of the address are possible, both are returned.
 */
#include "common/mail/address.h"

#include "common/base/buf.h"

#include <string.h>

enum kind {
	TOKEN_END,
	TOKEN_WORD,    /* a run of plain bytes, dots included */
	TOKEN_QUOTED,  /* with its quotes */
	TOKEN_LITERAL, /* [192.0.2.1], only after an at sign */
	TOKEN_SPECIAL, /* one of < > , ; : @ */
};

struct token {
	enum kind kind;
	char special;
	bool spaced; /* blanks or a comment stand before it */
	bool broken; /* a control character does */
	struct slice text;
};

struct lexer {
	struct slice s;
	size_t at;
	bool after_at;
	/*
	 * An unclosed quote or comment was met: all later ones are plain
	 * text. That is what keeps the search for the end linear.
	 */
	bool no_quotes, no_comments;
	bool malformed;
};

struct parse {
	struct arena *arena;
	struct lexer lexer;
	struct mailbox_list *list;
	size_t room, max;
	bool in_group;
};

static bool is_control(char c)
{
	unsigned char b = (unsigned char)c;

	return (b < 0x20 && c != '\t' && c != '\r' && c != '\n') || b == 0x7f;
}

static bool is_plain(char c)
{
	return (unsigned char)c > ' ' && c != 0x7f &&
	       !memchr("\"(<>,;:@", c, 8);
}

/* The index after the quoted string that starts at `at`, or 0. */
static size_t quoted_end(struct slice s, size_t at)
{
	for (at++; at < s.n; at++) {
		if (s.p[at] == '\\')
			at++;
		else if (s.p[at] == '"')
			return at + 1;
	}
	return 0;
}

/* The index after the comment, nested ones included, or 0. */
static size_t comment_end(struct slice s, size_t at)
{
	size_t depth = 0;

	for (; at < s.n; at++) {
		if (s.p[at] == '\\')
			at++;
		else if (s.p[at] == '(')
			depth++;
		else if (s.p[at] == ')' && --depth == 0)
			return at + 1;
	}
	return 0;
}

/* Skips blanks, comments and stray control characters. */
static void lexer_skip(struct lexer *l, struct token *token_r)
{
	size_t from = l->at, end;

	while (l->at < l->s.n) {
		char c = l->s.p[l->at];

		if (ascii_is_wsp(c) || c == '\r' || c == '\n') {
			l->at++;
		} else if (is_control(c)) {
			l->malformed = token_r->broken = true;
			l->at++;
		} else if (c == '(' && !l->no_comments) {
			end = comment_end(l->s, l->at);
			if (end == 0) {
				l->no_comments = l->malformed = true;
				break;
			}
			l->at = end;
		} else {
			break;
		}
	}
	token_r->spaced = l->at > from;
}

/* A quote or parenthesis that opens nothing counts as a plain byte. */
static bool lexer_plain(struct lexer *l, char c)
{
	if (c == '(')
		return l->no_comments;
	if (c == '"')
		return l->no_quotes;
	if (memchr(")[]\\", c, 4))
		l->malformed = true;
	return is_plain(c);
}

static void lexer_word(struct lexer *l, struct token *token_r)
{
	size_t from = l->at;

	while (l->at < l->s.n && lexer_plain(l, l->s.p[l->at]))
		l->at++;
	token_r->kind = TOKEN_WORD;
	token_r->text = slice_sub(l->s, from, l->at);
}

/* dtext up to ']'; what cannot stand in it ends it as well. */
static void lexer_literal(struct lexer *l, struct token *token_r)
{
	size_t from = l->at++;

	while (l->at < l->s.n && !memchr("]<>,;@\"(", l->s.p[l->at], 8))
		l->at++;
	if (l->at < l->s.n && l->s.p[l->at] == ']')
		l->at++;
	else
		l->malformed = true;
	token_r->kind = TOKEN_LITERAL;
	token_r->text = slice_trim(slice_sub(l->s, from, l->at));
}

static bool lexer_quoted(struct lexer *l, struct token *token_r)
{
	size_t end = quoted_end(l->s, l->at);

	if (end == 0) {
		l->no_quotes = l->malformed = true;
		return false;
	}
	token_r->kind = TOKEN_QUOTED;
	token_r->text = slice_sub(l->s, l->at, end);
	for (size_t i = l->at; i < end; i++)
		if (is_control(l->s.p[i]))
			l->malformed = true;
	l->at = end;
	return true;
}

static enum kind lexer_next(struct lexer *l, struct token *token_r)
{
	bool after_at = l->after_at;
	char c;

	*token_r = (struct token){0};
	lexer_skip(l, token_r);
	l->after_at = false;
	if (l->at >= l->s.n)
		return TOKEN_END;
	c = l->s.p[l->at];
	if (c == '[' && after_at) {
		lexer_literal(l, token_r);
	} else if (c == '"' && !l->no_quotes && lexer_quoted(l, token_r)) {
		return TOKEN_QUOTED;
	} else if (memchr("<>,;:@", c, 6)) {
		token_r->kind = TOKEN_SPECIAL;
		token_r->special = c;
		token_r->text = slice_sub(l->s, l->at, l->at + 1);
		l->at++;
		l->after_at = c == '@';
	} else {
		lexer_word(l, token_r);
	}
	return token_r->kind;
}

static void list_add(struct parse *p, struct slice display, struct slice local,
		     struct slice domain)
{
	struct mailbox_list *list = p->list;

	if (list->count == p->max) {
		list->truncated = true;
		return;
	}
	if (list->count == p->room) {
		struct mailbox *bigger;

		p->room = p->room ? p->room * 2 : 4;
		bigger = ARENA_ARRAY(p->arena, struct mailbox, p->room);
		if (list->count > 0)
			memcpy(bigger, list->mailbox,
			       list->count * sizeof(*bigger));
		list->mailbox = bigger;
	}
	list->mailbox[list->count++] = (struct mailbox){display, local, domain};
}

static void add_unquoted(struct buf *b, struct slice quoted)
{
	for (size_t i = 1; i + 1 < quoted.n; i++) {
		if (quoted.p[i] == '\\' && i + 2 < quoted.n)
			i++;
		if (quoted.p[i] != '\r' && quoted.p[i] != '\n')
			buf_add_char(b, quoted.p[i]);
	}
}

/* The words before '<' as one text. */
static struct slice phrase_text(struct parse *p, struct lexer lexer)
{
	struct buf b = BUF(p->arena);
	struct token token;

	while (lexer_next(&lexer, &token) != TOKEN_END) {
		if (token.kind == TOKEN_SPECIAL) /* a@b <c@d> */
			p->list->malformed = true;
		if (token.spaced && b.n > 0)
			buf_add_char(&b, ' ');
		if (token.kind == TOKEN_QUOTED)
			add_unquoted(&b, token.text);
		else
			buf_add(&b, token.text);
	}
	return buf_slice(&b);
}

/*
 * Whether the token continues the dotted name in b: no blank between, or a
 * dot on either side of it (obs-local-part, obs-domain).
 */
static bool continues(const struct buf *b, const struct token *token)
{
	if (b->n == 0 || !token->spaced)
		return true;
	return !token->broken &&
	       (b->p[b->n - 1] == '.' || token->text.p[0] == '.');
}

struct spec {
	struct buf local, domain;
	bool has_at;
	const char *from; /* where the local part begins */
};

static void spec_emit(struct parse *p, struct spec *spec, struct slice display)
{
	if (!spec->has_at) {
		spec->local.n = 0; /* nobody keeps it: use it again */
		return;
	}
	if (spec->local.n == 0 || spec->domain.n == 0)
		p->list->malformed = true;
	list_add(p, display, buf_slice(&spec->local), buf_slice(&spec->domain));
	*spec = (struct spec){.local = BUF(p->arena), .domain = BUF(p->arena)};
}

/* A word, quoted string or literal: does it go on, or start anew? */
static void spec_word(struct parse *p, struct spec *spec,
		      const struct token *token, struct slice display)
{
	struct buf *side = spec->has_at ? &spec->domain : &spec->local;

	if (!continues(side, token)) {
		p->list->malformed = true;
		spec_emit(p, spec, display);
		side = &spec->local;
	}
	if (side == &spec->local && side->n == 0)
		spec->from = token->text.p;
	buf_add(side, token->text);
}

/*
 * addr-spec. "a@b@c" has two readings: programs that cut at the first at
 * sign show b, those that cut at the last one c.
 */
static void spec_at(struct parse *p, struct spec *spec,
		    const struct token *token, struct slice display)
{
	const char *from = spec->from ? spec->from : token->text.p;

	if (spec->has_at) {
		p->list->malformed = true;
		spec_emit(p, spec, display);
		buf_add(&spec->local,
			(struct slice){from, (size_t)(token->text.p - from)});
	}
	spec->from = from;
	spec->has_at = true;
}

/* Every address in the text; false where there is none. */
static bool spec_parse(struct parse *p, struct lexer lexer,
		       struct slice display)
{
	struct spec spec = {.local = BUF(p->arena), .domain = BUF(p->arena)};
	struct token token;
	size_t before = p->list->count;

	while (lexer_next(&lexer, &token) != TOKEN_END) {
		if (p->list->truncated)
			return true;
		if (token.kind == TOKEN_SPECIAL && token.special == '@')
			spec_at(p, &spec, &token, display);
		else if (token.kind == TOKEN_SPECIAL)
			p->list->malformed = true;
		else
			spec_word(p, &spec, &token, display);
	}
	if (!spec.has_at && spec.local.n > 0)
		p->list->malformed = true;
	spec_emit(p, &spec, display);
	return p->list->count > before || p->list->truncated;
}

/* The lexer as it stood at `from`, seeing no further than `to`. */
static struct lexer lexer_part(struct lexer from, size_t to)
{
	from.s = slice_sub(from.s, 0, to);
	return from;
}

/* obs-route: "@a,@b:" before the address; leaves *l behind it. */
static void skip_route(struct lexer *l)
{
	struct lexer ahead = *l;
	struct token token;

	if (lexer_next(&ahead, &token) != TOKEN_SPECIAL || token.special != '@')
		return;
	while (lexer_next(&ahead, &token) != TOKEN_END) {
		if (token.kind != TOKEN_SPECIAL)
			continue;
		if (token.special == ':') {
			*l = ahead;
			return;
		}
		if (token.special != '@' && token.special != ',')
			return;
	}
}

/* After '<': up to '>' or whatever shows that it is missing. */
static void parse_angle(struct parse *p, struct slice display)
{
	struct lexer *l = &p->lexer, from, before;
	struct token token;
	struct spec root = {.local = BUF(p->arena)};
	bool closed = false;

	skip_route(l);
	from = before = *l;
	while (lexer_next(l, &token) != TOKEN_END) {
		if (token.kind == TOKEN_SPECIAL && token.special == '>') {
			closed = true;
			break;
		}
		if (token.kind == TOKEN_SPECIAL && token.special != '@') {
			*l = before; /* the caller reads it again */
			break;
		}
		buf_add(&root.local, token.text);
		before = *l;
	}
	if (!closed)
		p->list->malformed = true;
	if (spec_parse(p, lexer_part(from, before.at), display))
		return;
	/* <root>, <>: no domain, but some name to show. */
	p->list->malformed = true;
	if (root.local.n > 0)
		list_add(p, display, buf_slice(&root.local), SLICE_NONE);
}

/*
 * One element of the list: words, and angle addresses. Returns the special
 * that ended it, or 0 at the end.
 */
static char parse_element(struct parse *p)
{
	struct lexer *l = &p->lexer, from = *l, before = *l;
	bool angles = false, words = false, at = false;
	struct token token;
	char stop = 0;

	while (!p->list->truncated && lexer_next(l, &token) != TOKEN_END) {
		bool special = token.kind == TOKEN_SPECIAL;

		if (special && token.special == '<') {
			struct lexer part = lexer_part(from, before.at);

			if (angles) /* <a@b> … <c@d> */
				p->list->malformed = true;
			parse_angle(p, phrase_text(p, part));
			angles = true;
			words = at = false;
			from = before = *l;
			continue;
		}
		if (special && memchr(",;:", token.special, 3)) {
			stop = token.special;
			break;
		}
		if (special && token.special == '>')
			p->list->malformed = true;
		at |= special && token.special == '@';
		words = true;
		before = *l;
	}
	if (words && angles)
		p->list->malformed = true;
	/* What stands before ':' is the name of a group, unless it is not. */
	if (words && (stop != ':' || at))
		spec_parse(p, lexer_part(from, before.at), SLICE_NONE);
	return stop;
}

void address_list_parse(struct arena *a, struct slice value, size_t max,
			struct mailbox_list *list_r)
{
	struct parse p = {
		.arena = a, .lexer = {.s = value}, .list = list_r, .max = max};
	char stop;

	*list_r = (struct mailbox_list){0};
	do {
		stop = parse_element(&p);
		/* "name:" opens a group, ';' closes it (RFC 6854). */
		if ((stop == ':' && p.in_group) || (stop == ';' && !p.in_group))
			list_r->malformed = true;
		if (stop == ':' || stop == ';')
			p.in_group = stop == ':';
	} while (stop);
	if (p.in_group || p.lexer.malformed)
		list_r->malformed = true;
}

void address_split(struct slice path, struct slice *local_r,
		   struct slice *domain_r)
{
	size_t at, colon = slice_find(path, 0, ':');
	bool quoted = false;

	if (path.n > 0 && path.p[0] == '@' && colon < path.n)
		path = slice_sub(path, colon + 1, path.n);
	at = path.n;
	for (size_t i = 0; i < path.n; i++) {
		if (quoted && path.p[i] == '\\')
			i++;
		else if (path.p[i] == '"')
			quoted = !quoted;
		else if (path.p[i] == '@' && !quoted)
			at = i;
	}
	if (quoted) /* never closed: it quotes nothing */
		at = slice_rfind(path, '@');
	*local_r = slice_sub(path, 0, at);
	*domain_r = slice_sub(path, at + 1, path.n);
}
