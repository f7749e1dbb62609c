"""milterload against filters that remember what they were sent. The order
of packets here is what Postfix 3.7.11 was seen to send."""

import socket
import struct
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from support.gatepost import program

sys.path.insert(0, str(Path(__file__).parent))

from run import parse_report  # noqa: E402

NO_REPLIES = 0x80 | 0x5f000 | 0x80000   # headers, connect to body
LEADING_SPACE = 0x100000
MESSAGE = b"From:  a@one.example\r\nSubject: long\r\n line\r\n\r\nbody\r\n"
INDEX = "\t".join(["0", "ham", "192.0.2.1", "a.one.example", "helo.example",
                   "a@one.example", "b@two.example", "m.eml"]) + "\n"


class Filter:
    """Answers each packet with answers[code], or with "continue"."""

    def __init__(self, protocol=0, answers=None):
        self.protocol, self.answers = protocol, answers or {}
        self.packets = []
        self.server = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"inet:127.0.0.1:{self.server.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            connection, _ = self.server.accept()
            with connection, connection.makefile("rwb") as stream:
                while head := stream.read(4):
                    packet = stream.read(struct.unpack(">I", head)[0])
                    self._answer(packet[:1], packet[1:], stream)

    def _answer(self, code, data, stream):
        self.packets.append((code, data))
        waived = {b"C": 0x1000, b"H": 0x2000, b"M": 0x4000, b"R": 0x8000,
                  b"T": 0x10000, b"L": 0x80, b"N": 0x40000, b"B": 0x80000}
        if code == b"O":
            self._send(stream, b"O" + struct.pack(">III", 6, 1, self.protocol))
        elif code in b"DAQ" or self.protocol & waived.get(code, 0):
            return
        else:
            for answer in self.answers.get(code, [b"c"]):
                self._send(stream, answer)

    @staticmethod
    def _send(stream, packet):
        stream.write(struct.pack(">I", len(packet)) + packet)
        stream.flush()

    def codes(self):
        """Without macros."""
        return b"".join(code for code, _ in self.packets if code != b"D")

    def data(self, wanted):
        return [data for code, data in self.packets if code == wanted]


@pytest.fixture(name="play")
def fixture_play(tmp_path):
    (tmp_path / "m.eml").write_bytes(MESSAGE)

    def play(*filters, index=INDEX, options=()):
        (tmp_path / "index").write_text(index)
        command = [program("tests/bench/milterload"), "-1", "-m", tmp_path,
                   *options]
        for one in filters:
            command += ["-s", getattr(one, "endpoint", one)]
        return parse_report(subprocess.run(
            command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    return play


@pytest.mark.parametrize("protocol", [0, NO_REPLIES])
def test_plays_events_in_the_order_of_postfix(play, protocol):
    one = Filter(protocol)
    assert play(one)["action"] == {"ham": {"accept": 1}}
    assert one.codes() == b"OCHMRTLLNBEAAQ"
    assert one.data(b"C") == [b"a.one.example\x004\x9cY192.0.2.1\0"]
    assert one.data(b"B") == [b"body\r\n"]
    assert (b"D", b"Ei\x004B000000000\0") in one.packets


def test_queue_id_comes_with_the_second_recipient(play):
    one = Filter()
    play(one, index=INDEX.replace("b@two", "b@two.example,c@two"))
    first, second = [data for data in one.data(b"D") if data[:1] == b"R"]
    assert first.startswith(b"R{rcpt_addr}\0b@two.example\0")
    assert second.startswith(b"Ri\x004B000000000\0{rcpt_addr}\0c@two.example")


@pytest.mark.parametrize("protocol,space", [(0, b""), (LEADING_SPACE, b" ")])
def test_leading_space_is_kept_only_when_asked_for(play, protocol, space):
    one = Filter(protocol)
    play(one)
    assert one.data(b"L") == [b"From\0 " + space + b"a@one.example\0",
                              b"Subject\0" + space + b"long\n line\0"]


def test_next_filter_sees_the_header_as_edited(play):
    first = Filter(0, {b"E": [b"i\0\0\0\0Authentication-Results\0x; y\0",
                              b"m\0\0\0\1subject\0\0", b"c"]})
    second = Filter(LEADING_SPACE)
    play(first, second)
    assert second.data(b"L") == [b"Authentication-Results\0 x; y\0",
                                 b"From\0  a@one.example\0"]


def test_fresh_senders_are_new_in_each_run(play):
    one = Filter()
    index = INDEX * 5 + INDEX.replace("a@one.example", "")
    for _ in range(2):
        play(one, index=index, options=["-f", "40"])
    senders = [data.split(b"\0")[0] for data in one.data(b"M")]
    assert all(sender.endswith(b"a@one.example>") for sender in senders
               if sender != b"<>")
    assert senders.count(b"<>") == 2
    assert senders.count(b"<a@one.example>") == 6
    assert len(set(senders)) == 6
    # The macro says the same.
    assert {data.split(b"{mail_addr}\0")[1].split(b"\0")[0]
            for data in one.data(b"D") if data[:1] == b"M"} == {
        sender.strip(b"<>") for sender in senders}


@pytest.mark.parametrize("answers,result", [
    ([b"a"], "accept"), ([b"y550 5.7.1 no\0"], "reject"), ([b"r"], "reject"),
    ([b"y451 4.7.1 later\0"], "tempfail"), ([b"t"], "tempfail"),
    ([b"d"], "discard"), ([b"qheld\0", b"c"], "quarantine"),
    ([b"p", b"hX-Spam\0Yes\0", b"c"], "tag"), ([b"?"], "lost"),
])
def test_counts_what_the_filter_decided(play, answers, result):
    report = play(Filter(0, {b"E": answers}))
    assert report["action"] == {"ham": {result: 1}}


def test_refusal_at_connect_stands_for_all_messages(play):
    one = Filter(0, {b"C": [b"t"]})
    assert play(one, index=INDEX * 2)["action"] == {"ham": {"tempfail": 2}}
    assert one.codes() == b"OCQ"


def test_skip_ends_body_chunks(play, tmp_path):
    (tmp_path / "m.eml").write_bytes(MESSAGE + b"x" * 200000)
    one = Filter(0, {b"B": [b"s"]})
    play(one)
    assert one.codes() == b"OCHMRTLLNBEAAQ"


def test_no_filter_is_reported_as_lost(play):
    assert play("unix:/nonexistent")["action"] == {"ham": {"lost": 1}}
