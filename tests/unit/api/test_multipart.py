"""Forms as browsers and programs send them."""

from __future__ import annotations

import pytest

from chalicelib.api.multipart import parse
from chalicelib.errors import RequestRefused

FORM = "multipart/form-data; boundary=--x"


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


@pytest.mark.parametrize(("content_type", "body"), [
    ("text/plain", b""), ("multipart/form-data", b""), (FORM, b""), (FORM, b"----x\r\n\r\nno name\r\n----x--"),
    (FORM, b'----x\r\nContent-Disposition: form-data; name="a"\r\n\r\ncut off'),
    (FORM, b'----x\r\nContent-Disposition: form-data; name="a"\r\n----x--')])
def test_what_is_no_form_is_refused(content_type, body):
    with pytest.raises(RequestRefused):
        parse(content_type, body)


def test_a_field_that_is_no_text_is_refused_when_it_is_read():
    sent = b'----x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\xff\r\n----x--'
    with pytest.raises(RequestRefused):
        _ = parse(FORM, sent)["a"].text
