"""Forms as browsers and programs send them."""

from __future__ import annotations

import pytest

from chalicelib.api.multipart import MAX_PARTS, parse
from chalicelib.errors import RequestRefused

FORM = "multipart/form-data; boundary=--x"


def part(disposition: str, body: bytes = b"1", *, end: bytes = b"") -> bytes:
    return b"----x\r\nContent-Disposition: " + disposition.encode() + b"\r\n\r\n" + body + b"\r\n" + end


def test_files_are_taken_byte_by_byte():
    body = bytes(range(256)) + b"\r\n--\r\n\r\n"
    sent = (b'----x\r\nContent-Disposition: form-data; name="file"; filename="a \\"b\\".csv"\r\n'
            b"Content-Type: x/y\r\n\r\n" + body
            + b"\r\n----x\r\ncontent-disposition: form-data; name=pipeline\r\n\r\nleads\r\n----x--\r\n")
    told = parse(FORM, sent)
    assert (told["file"].body, told["file"].file_name, told["pipeline"].text) == (body, 'a "b".csv', "leads")


def test_a_boundary_in_quotes_is_the_same():
    sent = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--b--'
    assert parse('multipart/form-data; boundary="b"', sent)["a"].text == "1"


def test_a_large_file_is_whole():
    body = bytes(range(256)) * 15_000
    told = parse(FORM, part('form-data; name="file"; filename="f"', body, end=b"----x--"))
    assert told["file"].body == body


def test_file_names_of_browsers_are_unquoted():
    told = parse(FORM, part('form-data; name="file"; filename="Größe %22M%22.xlsx"', end=b"----x--\r\n"))
    assert told["file"].file_name == 'Größe "M".xlsx'


def test_of_two_parts_of_one_name_the_first_counts():
    sent = part('form-data; name="a"', b"1") + part('form-data; name="a"', b"2", end=b"----x--")
    assert parse(FORM, sent)["a"].text == "1"


@pytest.mark.parametrize(("content_type", "body"), [
    ("text/plain", b""), ("multipart/form-data", b""), ("multipart/form-data; boundary=" + "b" * 71, b""), (FORM, b""),
    (FORM, b"----x\r\n\r\nno name\r\n----x--"),
    (FORM, b'----x\r\nContent-Disposition: form-data; name="a"\r\n\r\ncut off'),
    (FORM, b'----x\r\nContent-Disposition: form-data; name="a"\r\n----x--'),
    (FORM, b'----x\r\nContent-Disposition: form-data; name="\xff"\r\n\r\n1\r\n----x--'),
    (FORM, part('form-data; name="a"') * (MAX_PARTS + 1) + b"----x--"),
    (FORM, part('form-data; name="' + "a" * 9000 + '"', end=b"----x--"))])
def test_what_is_no_form_is_refused(content_type, body):
    with pytest.raises(RequestRefused):
        parse(content_type, body)


def test_a_field_that_is_no_text_is_refused_when_it_is_read():
    sent = b'----x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\xff\r\n----x--'
    with pytest.raises(RequestRefused):
        _ = parse(FORM, sent)["a"].text
