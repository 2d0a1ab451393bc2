"""What people type: one readable line, and who is the same person."""

import pytest

from gateway.commands import CommandError
from gateway.words import need_line, same_person


@pytest.mark.parametrize("text", ["", "  ", "two\nlines", "\udcff", "x" * 11, "字" * 4, "\x07"])
def test_what_is_no_line_of_so_many_bytes_is_said_so(text):
    with pytest.raises(CommandError, match="The reason .*Nothing was changed"):
        need_line("reason", text, 1, 10, CommandError)


def test_a_readable_line_is_taken_as_it_is():
    assert need_line("reason", " 等了很久", 1, 20, CommandError) == " 等了很久"
    assert need_line("reason", "", 0, 10, CommandError) == ""


def test_case_width_and_spaces_tell_nobody_apart():
    assert same_person("Lin Mei", " lin  MEI ") and same_person("Ｌin", "lin")
    assert not same_person("Lin Mei", "Lin Wei")
