/* Values of hostile mail in a notice: no header field, no line and no
 * control character comes of them; and the book of notices reads whatever
 * it has written. */
#include "common/base/utf8.h"
#include "milter/daemon/notice_book.h"
#include "milter/daemon/notice_letter.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_value(struct slice value)
{
	for (size_t i = 0, n; i < value.n; i += n) {
		n = utf8_shown_length(value, i);
		if (n == 0)
			abort();
	}
	if (value.n > NOTICE_VALUE_MAX + 3)
		abort();
}

/* Short lines of ASCII; in a field, all but the first are folded. */
static void check_lines(struct slice text, bool folded)
{
	struct slice line;
	bool first = true;

	while (slice_next(&text, '\n', &line) && text.p) {
		if (line.n == 0 || line.n > 900 || line.p[line.n - 1] != '\r')
			abort();
		line.n--;
		if (!slice_is_printable(line) ||
		    (folded && !first && line.p[0] != ' '))
			abort();
		first = false;
	}
	if (line.n != 0)
		abort();
}

static void check_letter(struct arena *arena, struct slice raw,
			 struct slice value)
{
	struct buf fields = BUF(arena), body = BUF(arena);
	struct notice_letter letter = {
		.from = "a@b", .to = SLICE("c@d"), .message_id = SLICE("e@f")};

	notice_add_field(&fields, "Subject", raw);
	check_lines(buf_slice(&fields), true);
	fields = BUF(arena);
	notice_add_field(&fields, "Subject", value);
	check_lines(buf_slice(&fields), true);
	notice_add_unlinked(&body, value);
	if (slice_search_nocase(buf_slice(&body), SLICE("://")) < body.n)
		abort();
	letter.fields = buf_slice(&fields);
	letter.body = buf_slice(&body);
	check_lines(notice_letter_write(arena, &letter), false);
	letter.body = raw;
	check_lines(notice_letter_write(arena, &letter), false);
}

static void check_book(struct arena *arena, struct slice raw)
{
	const struct notice_item item = {
		.id = raw, .subject = raw, .rcpts = raw};
	struct notice_book *book = notice_book_new(0), *again;
	struct slice text;

	(void)notice_book_add(book, NOTICE_RECIPIENT, raw, &item, 1);
	text = notice_book_write(book, arena, 1);
	again = notice_book_read(text);
	if (!again || !slice_eq(again->addresses->address, raw) ||
	    !slice_eq(again->addresses->items->rcpts, raw))
		abort();
	notice_book_free(&again);
	notice_book_free(&book);
	book = notice_book_read(raw);
	if (book)
		(void)notice_book_write(book, arena, 1);
	notice_book_free(&book);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice raw = {(const char *)data, size};
	struct arena *arena = arena_new(0);
	struct slice plain = notice_value(arena, raw, false);
	struct slice decoded = notice_value(arena, raw, true);

	check_value(plain);
	check_value(decoded);
	check_letter(arena, raw, plain);
	check_letter(arena, raw, decoded);
	check_book(arena, raw);
	arena_free(&arena);
	return 0;
}
