/*
 * Discovery of DMARC records. All names of a walk are asked for at once;
 * the walk then goes over the answers in the order of the RFC, and stops
 * where it says, so that what a later name answers, or fails to, does not
 * count.
 *
 * A failed question leaves open whether there is a record at that name, and
 * so also which name is the organization. What can be said in spite of it
 * is said, the rest is "not known" (RFC 9989 5.3.6).
 */
#include "milter/checks/dmarc_discover.h"

#include "common/mail/domain.h"

#define WALK_MAX 8    /* questions (RFC 9989 4.10) */
#define WALK_LABELS 7 /* what a longer name is shortened to */

enum at {
	AT_NONE,
	AT_RECORD,
	AT_SEVERAL, /* more than one: none counts */
	AT_FAILED,  /* no answer */
};

struct walk {
	struct slice names[WALK_MAX];
	enum at at[WALK_MAX];
	struct dmarc_record records[WALK_MAX];
	size_t count; /* names up to where the walk stopped */
};

/* RFC 9989 4.10: the name, its last seven labels, its last six … */
static size_t walk_names(struct slice domain, struct slice names[WALK_MAX])
{
	size_t count = 0;

	while (domain.n > 0 && count < WALK_MAX) {
		size_t labels = domain_labels(domain);

		names[count++] = domain;
		if (labels > WALK_LABELS)
			domain = domain_tail(domain, WALK_LABELS);
		else
			domain = domain_parent(domain);
	}
	return count;
}

/* RFC 7489 6.6.3: the name and its organizational domain. */
static size_t list_names(const struct dmarc_source *source, struct slice domain,
			 struct slice names[WALK_MAX])
{
	names[0] = domain;
	names[1] = suffixes_organization(source->suffixes, domain);
	return slice_eq(names[0], names[1]) ? 1 : 2;
}

static size_t names_of(const struct dmarc_source *source, struct slice domain,
		       struct slice names[WALK_MAX])
{
	if (source->rfc == DMARC_RFC9989)
		return walk_names(domain, names);
	return list_names(source, domain, names);
}

static const struct dns_answer *ask(const struct dmarc_source *source,
				    struct slice name)
{
	struct slice at =
		arena_printf(source->arena, "_dmarc.%.*s", SLICE_FMT(name));

	return lookup(source->lookups, DNS_TXT, at);
}

void dmarc_ask(const struct dmarc_source *source, struct slice domain)
{
	struct slice names[WALK_MAX];
	size_t count = names_of(source, domain, names);

	for (size_t i = 0; i < count; i++)
		ask(source, names[i]);
}

static enum at read_answer(const struct dns_answer *answer, enum dmarc_rfc rfc,
			   struct dmarc_record *record_r)
{
	size_t count;

	if (answer->status == DNS_TEMPFAIL)
		return AT_FAILED;
	count = dmarc_record_select(answer, rfc, record_r);
	if (count == 0)
		return AT_NONE;
	return count == 1 ? AT_RECORD : AT_SEVERAL;
}

/*
 * Whether the walk ends at a name. Several records discard each other and
 * let the tree walk go on (RFC 9989 4.10 steps 2 and 6); before, they ended
 * the search (RFC 7489 6.6.3 step 5).
 */
static bool ends_at(const struct walk *walk, size_t i, enum dmarc_rfc rfc)
{
	if (rfc == DMARC_RFC7489)
		return walk->at[i] != AT_NONE;
	return walk->at[i] == AT_RECORD &&
	       walk->records[i].psd != DMARC_PSD_UNKNOWN;
}

/* The index of the last name in that state, or count. */
static size_t last_at(const struct walk *walk, enum at at)
{
	for (size_t i = walk->count; i > 0; i--)
		if (walk->at[i - 1] == at)
			return i - 1;
	return walk->count;
}

/*
 * A top-level domain without an answer does not hold up those below it that
 * have a record: a resolver of an isolated network may not know the domain
 * at all, and psd=y, the tag a registry must set, would change nothing.
 */
static void forgive_top(struct walk *walk)
{
	size_t top = walk->count - 1;

	if (walk->at[top] == AT_FAILED &&
	    domain_labels(walk->names[top]) == 1 &&
	    last_at(walk, AT_RECORD) < top)
		walk->at[top] = AT_NONE;
}

static enum step walk_tree(const struct dmarc_source *source,
			   struct slice domain, struct walk *walk_r)
{
	const struct dns_answer *answers[WALK_MAX] = {NULL};

	*walk_r = (struct walk){.count = 0};
	walk_r->count = names_of(source, domain, walk_r->names);
	for (size_t i = 0; i < walk_r->count; i++)
		answers[i] = ask(source, walk_r->names[i]);
	for (size_t i = 0; i < walk_r->count; i++) {
		if (!answers[i])
			return STEP_WAIT;
		walk_r->at[i] = read_answer(answers[i], source->rfc,
					    &walk_r->records[i]);
		if (ends_at(walk_r, i, source->rfc))
			walk_r->count = i + 1;
	}
	if (source->rfc == DMARC_RFC9989)
		forgive_top(walk_r);
	return STEP_DONE;
}

/* RFC 9989 4.10.2, as if failed names had no record. */
static struct slice select_org(const struct walk *walk)
{
	struct slice start = walk->names[0];
	size_t last = last_at(walk, AT_RECORD);

	if (last == walk->count)
		return start;
	/* psd=n or psd=y end the walk, so only the last can have one. One
	 * label below the first name is still that name. */
	if (walk->records[last].psd == DMARC_PSD_YES)
		return domain_tail(start, domain_labels(walk->names[last]) + 1);
	return walk->names[last];
}

/*
 * The organization of the walk's first name. Where an answer is missing it
 * may stand as high as that name.
 */
static bool find_org(const struct dmarc_source *source, const struct walk *walk,
		     struct slice *org_r)
{
	size_t failed = last_at(walk, AT_FAILED);

	if (source->rfc == DMARC_RFC7489) {
		*org_r =
			suffixes_organization(source->suffixes, walk->names[0]);
		return true;
	}
	*org_r = select_org(walk);
	if (failed == walk->count)
		return true;
	if (walk->names[failed].n < org_r->n)
		*org_r = walk->names[failed];
	return false;
}

/* The index of the record that applies, or count. */
static size_t find_policy(const struct dmarc_source *source,
			  const struct walk *walk, struct slice org)
{
	size_t last = last_at(walk, AT_RECORD);

	if (walk->at[0] == AT_RECORD)
		return 0;
	if (source->rfc == DMARC_RFC7489)
		return last;
	for (size_t i = 0; i < walk->count; i++)
		if (walk->at[i] == AT_RECORD && slice_eq(walk->names[i], org))
			return i;
	return last; /* that of the public suffix: psd=y */
}

enum step dmarc_discover(const struct dmarc_source *source, struct slice domain,
			 struct dmarc_found *found_r)
{
	struct walk walk;
	size_t failed, policy;

	*found_r = (struct dmarc_found){.state = DMARC_STATE_NONE};
	if (walk_tree(source, domain, &walk) == STEP_WAIT)
		return STEP_WAIT;
	found_r->org_known = find_org(source, &walk, &found_r->org);
	failed = last_at(&walk, AT_FAILED);
	policy = find_policy(source, &walk, found_r->org);
	/* Only a record of its own makes the author domain independent of
	 * what the failed name would have said. */
	if (failed < walk.count && policy != 0) {
		found_r->state = DMARC_STATE_FAILED;
		found_r->failed_name = walk.names[failed];
	} else if (policy < walk.count) {
		found_r->state = DMARC_STATE_FOUND;
		found_r->record = walk.records[policy];
		found_r->record_domain = walk.names[policy];
	} else if (last_at(&walk, AT_SEVERAL) < walk.count) {
		found_r->state = DMARC_STATE_SEVERAL;
	}
	return STEP_DONE;
}

enum step dmarc_organization(const struct dmarc_source *source,
			     struct slice domain, struct slice *org_r,
			     bool *known_r)
{
	struct walk walk = {.names = {domain}};

	if (source->rfc == DMARC_RFC9989 &&
	    walk_tree(source, domain, &walk) == STEP_WAIT)
		return STEP_WAIT;
	*known_r = find_org(source, &walk, org_r);
	return STEP_DONE;
}
