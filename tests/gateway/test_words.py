"""What people type: one readable line, and who is the same person."""

from functools import partial

import pytest

from gateway.commands import CommandError
from gateway.words import need_line, need_name, same_person


@pytest.mark.parametrize("text", ["", "  ", "two\nlines", "\udcff", "x" * 11, "字" * 4, "\x07"])
def test_what_is_no_line_of_so_many_bytes_is_said_so(text):
    with pytest.raises(CommandError, match="The reason .*Nothing was changed"):
        need_line("reason", text, 1, 10, CommandError)


def test_a_readable_line_is_taken_as_it_is():
    assert need_line("reason", " 等了很久", 1, 20, CommandError) == " 等了很久"
    assert need_line("reason", "", 0, 10, CommandError) == ""


@pytest.mark.parametrize("number", ["620000123456", "6200001234567892", "6200 0012 3456 7892",
                                    "6200-0012-3456-7892123", "６２００００１２３４５６７８９２",
                                    "2026-11-22 3456 7892 1234"])
def test_a_card_number_is_not_kept_in_a_reason_or_a_name(number):
    for need in (partial(need_line, least=1, most=400), need_name):
        with pytest.raises(CommandError, match="The note .*Nothing was changed.*last four"
                           ) as refused:
            need("note", f"card {number}.", error=CommandError)
        assert number not in str(refused.value)


@pytest.mark.parametrize("text", [
    "card 7892", "receipts 1234567890, 1234567891", "from 2026-11-20 2026-11-22 till 5",
    "terminal 10000001 2026-11-22"])
def test_what_is_no_card_number_may_be_said(text):
    assert need_line("reason", text, 1, 400, CommandError) == text


def test_case_width_and_spaces_tell_nobody_apart():
    assert same_person("Lin Mei", " lin  MEI ") and same_person("Ｌin", "lin")
    assert not same_person("Lin Mei", "Lin Wei")


@pytest.mark.parametrize("other", [
    "Li\u034fn", "Lin\u3164", "Lin\ufe0f", "Li\u0338n", "L\u0456n", "Lin.", "L\u00edn",
    "L\u03b9n"])
def test_what_is_hardly_seen_tells_nobody_apart(other):
    assert same_person("Lin", other)


@pytest.mark.parametrize(("one", "other"), [
    ("\u738b\u5c0f\u660e", "\u738b\u5c0f\u5df2"),
    ("\u0915\u092e\u0932", "\u0915\u094b\u092e\u0932"),
    ("Lin 1", "Lin 2"), ("\u0418\u0440\u0430", "\u0418\u0440\u043c\u0430")])
def test_two_people_are_two(one, other):
    assert not same_person(one, other)


@pytest.mark.parametrize("text", ["\u3164", "...", "\ufe0f", ""])
def test_who_decides_has_a_name_that_can_be_read(text):
    with pytest.raises(CommandError, match="The name of who decides .*Nothing was changed"):
        need_name("name of who decides", text, CommandError)
