/* What the mailbox side tells, from a socket that anyone may write to. */
#include "common/verdict/feedback.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct feedback f, back;
	char text[FEEDBACK_MAX];
	size_t n;

	if (!feedback_read((struct slice){(const char *)data, size}, &f))
		return 0;
	/* It says the same when it is written anew. */
	n = feedback_write(&f, text);
	if (n == 0 || !feedback_read((struct slice){text, n}, &back) ||
	    !slice_eq(back.ids, f.ids) || !slice_eq(back.user, f.user) ||
	    back.said != f.said || back.how != f.how || back.allow != f.allow)
		abort();
	return 0;
}
