"""Bodies of made-up mail: words, plain text, HTML, attachments.

Everything comes from the random.Random that the caller passes, so a seed
gives the same texts again.
"""

import base64
import quopri

WORDS = """
about account after again agree already always amount answer appear arrive
available balance because before begin better between board bring budget
build business calendar careful carry change check choose clear client close
collect colour comment common company complete confirm contact contract copy
correct course cover create current customer date decide deliver department
describe design detail develop different document during early effect effort
email employee enjoy enough event every example expect explain family figure
final follow forward friday friend garden general group happen hello holiday
hour house idea important improve include increase information instead invoice
issue journey kitchen language large later leave letter library listen little
local machine maintain manager market matter measure meeting member message
minute monday month morning music nature network never number office often
online open order package paper parcel payment people perhaps person phone
picture place please point policy possible present price problem product
project provide public question quick quiet reach ready reason receive recent
record region reply report request research result return review river school
season second send september service share short simple small special standard
start station street student subject summer supply support system table teach
thank thing through ticket today together tomorrow train travel tuesday under
until update usually value version village visit wait water weather wednesday
week welcome winter without wonder world write year yellow yesterday young
""".split()

GERMAN = """
über für möglich größer schön grüße während straße bestätigen verfügbar
lieferung rechnung gerätewartung öffnen ausführlich nächste prüfung zusätzlich
""".split()

SPAM = """
congratulations winner claim prize urgent verify account suspended limited
offer cheap pills casino bonus million dollars inheritance guaranteed refund
""".split()


def sentence(rng, words):
    chosen = [rng.choice(words) for _ in range(rng.randint(5, 16))]
    return " ".join(chosen).capitalize() + "."


def paragraphs(rng, size, words=WORDS):
    """Lines of about 70 columns, `size` bytes or a little more in all."""
    lines, total = [], 0
    while total < size:
        line = ""
        for _ in range(rng.randint(2, 5)):
            for word in sentence(rng, words).split():
                if len(line) + len(word) > 70:
                    lines.append(line)
                    total += len(line) + 2
                    line = ""
                line = f"{line} {word}" if line else word
        lines += [line, ""]
        total += len(line) + 4
    return "\r\n".join(lines) + "\r\n"


def plain(rng, size, words=WORDS):
    return [("Content-Type", "text/plain; charset=us-ascii"),
            ("Content-Transfer-Encoding", "7bit")], \
        paragraphs(rng, size, words)


def quoted(rng, size):
    text = paragraphs(rng, max(200, int(size / 1.3)), WORDS + GERMAN * 4)
    body = quopri.encodestring(text.replace("\r\n", "\n").encode()).decode()
    return [("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Transfer-Encoding", "quoted-printable")], \
        body.replace("\n", "\r\n")


def html(rng, size, domain, words=WORDS):
    rows, total = [], 0
    while total < size:
        link = f"https://www.{domain}/{rng.choice(words)}" \
               f"?id={rng.randrange(10**8)}"
        row = f'<tr><td style="padding:8px"><p>{sentence(rng, words)}</p>' \
              f'<a href="{link}">{rng.choice(words)}</a></td></tr>'
        rows.append(row)
        total += len(row) + 2
    return "<!DOCTYPE html>\r\n<html><head><meta charset=\"utf-8\">" \
           f"<title>{rng.choice(words)}</title></head>\r\n" \
           "<body><table width=\"600\">\r\n" + "\r\n".join(rows) + \
           "\r\n</table></body></html>\r\n"


def boundary(rng):
    return f"=_{rng.getrandbits(96):024x}"


def alternative(rng, size, domain, words=WORDS):
    mark = boundary(rng)
    body = f"--{mark}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" \
           f"{paragraphs(rng, size // 4, words)}\r\n" \
           f"--{mark}\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" \
           f"{html(rng, size * 3 // 4, domain, words)}\r\n--{mark}--\r\n"
    return [("Content-Type",
             f'multipart/alternative;\r\n\tboundary="{mark}"')], body


def attachment(rng, size):
    mark = boundary(rng)
    data = b"%PDF-1.4\n" + rng.randbytes(max(100, int(size * 0.65)))
    coded = base64.encodebytes(data).decode().replace("\n", "\r\n")
    body = f"--{mark}\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n" \
           f"{paragraphs(rng, size // 10)}\r\n" \
           f"--{mark}\r\nContent-Type: application/pdf;\r\n" \
           f"\tname=\"{rng.choice(WORDS)}.pdf\"\r\n" \
           "Content-Disposition: attachment\r\n" \
           "Content-Transfer-Encoding: base64\r\n\r\n" \
           f"{coded}\r\n--{mark}--\r\n"
    return [("Content-Type", f'multipart/mixed;\r\n\tboundary="{mark}"')], body


def body(rng, size, domain, spam):
    """Header fields and body of about `size` bytes."""
    words = WORDS + SPAM * 6 if spam else WORDS
    if not spam and size > 5000 and rng.random() < 0.5:
        return attachment(rng, size)
    kind = rng.random()
    if kind < 0.45:
        return alternative(rng, size, domain, words)
    if kind < 0.60 and not spam:
        return quoted(rng, size)
    return plain(rng, size, words)


def subject(rng, spam):
    words = SPAM if spam else WORDS
    return " ".join(rng.choice(words)
                    for _ in range(rng.randint(2, 7))).capitalize()
