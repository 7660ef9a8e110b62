"""Dropmill as people see it: a real Chromium before the real local stack, watched for everything that goes wrong.

A test asks for `open_app` (a page of the stack) or `open_page` (a page of any address) and drives `visit.page` with
Playwright. `stack` is shared by the tests of a process; who needs a world of his own takes a token of a new owner.
"""
