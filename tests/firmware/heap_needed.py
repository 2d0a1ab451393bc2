"""How much heap the handset program needs: `python -m tests.firmware.heap_needed`.

Each story of test_heap.py runs with ever less heap, until the smallest is found with which it
comes through three times running. What is left up to HEAP is the room for code to come.
"""

import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.firmware import test_heap
from tests.support import handset_process
from tools import handset_program

Story = Callable[[list[str], Path], None]
STORIES: dict[str, Story] = {
    "sales and an inquiry": test_heap.test_sale_and_inquiry_come_through,
    "an operator logs in, and by the hash":
        test_heap.test_an_operator_logs_in_and_behind_a_power_cut_by_the_hash,
    "12 taps kept through a reboot":
        test_heap.test_taps_without_a_link_are_kept_through_a_reboot_and_then_posted,
    "a rotation, taps sent again": test_heap.test_a_rotation_and_a_list_to_send_again_find_room,
    "a reply without room": test_heap.test_a_reply_for_which_there_is_no_room_keeps_no_tap_back,
    "a refusal behind a reboot":
        test_heap.test_what_was_refused_is_named_behind_a_reboot_until_it_is_acknowledged,
    "40 conflicts behind a reboot": test_heap.test_many_conflicts_behind_a_reboot_find_room,
    "a void sent again with its answer":
        test_heap.test_a_settled_void_is_sent_again_with_its_answer,
    "a void behind a reboot meets a conflict":
        test_heap.test_a_void_is_kept_through_a_reboot_and_meets_a_conflict,
}
LEAST_KB, MOST_KB = 48, 192
RUNS = 3
WAIT_S = 6.0


def needed_kb(runs_with: Callable[[int], bool]) -> int:
    """The smallest heap it runs with, in KB, taken that it then runs with every larger one."""
    low, high = LEAST_KB, MOST_KB
    while low + 1 < high:
        middle = (low + high) // 2
        low, high = (low, middle) if runs_with(middle) else (middle, high)
    return high


def comes_through(story: Story, command: Sequence[str], heap_kb: int) -> bool:
    """Whether a story ends well, RUNS times, with so much heap; no answer in WAIT_S is none."""
    sized = [f"heapsize={heap_kb}K" if each.startswith("heapsize=") else each for each in command]
    for _ in range(RUNS):
        with tempfile.TemporaryDirectory() as folder:
            try:
                story(sized, Path(folder))
            except (AssertionError, OSError):
                return False
    return True


def main() -> None:
    handset_process.WAIT_S = WAIT_S
    with tempfile.TemporaryDirectory() as folder:
        command = handset_program.stage(Path(folder), heap_size=test_heap.HEAP)
        sys.stdout.write(f"handset program, smallest heap (a handset has {test_heap.HEAP}):\n")
        for name, story in STORIES.items():
            found = needed_kb(lambda kb, story=story: comes_through(story, command, kb))
            sys.stdout.write(f"  {found:4d}K  {name}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
