"""The fake keypad: contacts, bouncing, and ghosts as physics makes them."""

from simulator.keypad_matrix import KEYS, KeypadMatrix


def read(matrix):
    found = ""
    for row in range(4):
        matrix.rows[row].value(0)
        for column in range(4):
            if not matrix.columns[column].value():
                found += KEYS[row * 4 + column]
        matrix.rows[row].value(1)
    return found


def test_each_key_reads_as_itself_and_two_as_two():
    for key in KEYS:
        matrix = KeypadMatrix()
        matrix.press(key)
        assert read(matrix) == key and matrix.pressed() == [key]
        for other in KEYS:
            matrix.press(other)
            assert sorted(read(matrix)) == sorted({key, other})
            if other != key:
                matrix.release(other)


def test_three_corners_of_a_rectangle_close_the_fourth():
    matrix = KeypadMatrix()
    for key in "13#":
        matrix.press(key)
    assert read(matrix) == "13*#"
    matrix.release("3")
    assert read(matrix) == "1#"


def test_no_row_driven_reads_nothing():
    matrix = KeypadMatrix()
    matrix.press("5")
    assert all(column.value() for column in matrix.columns)


def test_a_contact_bounces_and_then_stays():
    matrix = KeypadMatrix()
    matrix.press("5", 20)
    seen = []
    for matrix.now_ms in range(40):
        seen.append(read(matrix) == "5")
    changes = sum(seen[at] != seen[at + 1] for at in range(19))
    assert changes > 4 and all(seen[20:])
    matrix.release("5", 20)
    assert matrix.touched_ms_ago("5") == 0 and matrix.touched_ms_ago("6") is None
    matrix.now_ms += 30
    assert read(matrix) == "" and matrix.touched_ms_ago("5") == 30
