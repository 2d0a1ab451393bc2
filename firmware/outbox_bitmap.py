"""Which traces are unsettled: one bit each, in pages of 128 traces.

Law: this is all the outbox keeps in RAM about its records, whatever their number: 88 pages of 20
bytes hold 10,000 taps in a row and some stragglers. A page exists only while it has a bit, so one
tap that waits for months costs 20 bytes and not the whole span up to today. Several journals may
live side by side.
"""

from array import array

PAGES = 88
JOURNALS_MAX = 8
_PAGE_BITS = 7
_PAGE_SIZE = 16
_PAGE_MASK = (1 << _PAGE_BITS) - 1
_JOURNAL_SHIFT = 32 - _PAGE_BITS


class Unsettled:
    def __init__(self):
        self.count = 0
        self.used = 0
        self._keys = array("I", [0] * PAGES)
        self.bits = bytearray(PAGES * _PAGE_SIZE)
        self.journals = []
        self.hint = 0

    def has(self, journal, trace):
        page = self._page(journal, trace)
        return page >= 0 and bool(self.bits[_byte(page, trace)] & _bit(trace))

    def fits(self, journal, trace, spare):
        """Whether `add` would find a page and leave `spare` of them free."""
        if self._page(journal, trace) >= 0:
            return True
        return self.used + spare < PAGES and self._number(journal, False) is not None

    def add(self, journal, trace):
        """Set the bit; False when no page is left."""
        page = self._page(journal, trace)
        if page < 0:
            number = self._number(journal, True)
            if self.used == PAGES or number is None:
                return False
            page = self.used
            self._keys[page] = number << _JOURNAL_SHIFT | trace >> _PAGE_BITS
            self.used += 1
            self.hint = page
        at, bit = _byte(page, trace), _bit(trace)
        if not self.bits[at] & bit:
            self.bits[at] |= bit
            self.count += 1
        return True

    def discard(self, journal, trace):
        page = self._page(journal, trace)
        if page < 0:
            return
        at = _byte(page, trace)
        if self.bits[at] & _bit(trace):
            self.bits[at] &= ~_bit(trace) & 0xFF
            self.count -= 1
            self._drop_if_empty(page)

    def put_last(self, journal):
        """The journal in use is walked last: what is appended stands behind all others."""
        if journal in self.journals:
            here = self.journals.index(journal)
            if here < len(self.journals) - 1:
                self._put_last(here, journal)

    # all others keep their order, so that who walks them passes none over
    def _put_last(self, here, journal):
        last = len(self.journals) - 1
        self.journals.pop(here)
        self.journals.append(journal)
        for page in range(self.used):
            number = self._keys[page] >> _JOURNAL_SHIFT
            if number >= here:
                within = self._keys[page] & ((1 << _JOURNAL_SHIFT) - 1)
                number = last if number == here else number - 1
                self._keys[page] = number << _JOURNAL_SHIFT | within

    def following(self, journal, trace):
        """The unsettled (journal, trace) next behind this one; (0, 0) asks for the first.

        Journals come in the order in which they were first used (after a mount: the one in use
        last), traces upwards.
        """
        if not self.count:
            return None
        if journal in self.journals:
            key = self.journals.index(journal) << _JOURNAL_SHIFT | trace >> _PAGE_BITS
            low = (trace & _PAGE_MASK) + 1
        else:
            key = low = 0
        while True:
            page = self._at_or_after(key)
            if page < 0:
                return None
            found = self._keys[page]
            bit = low if found == key else 0
            while bit <= _PAGE_MASK:
                byte = self.bits[_byte(page, bit)] >> (bit & 7)
                if byte & 1:
                    base = (found << _PAGE_BITS) & 0xFFFFFFFF
                    return self.journals[found >> _JOURNAL_SHIFT], base | bit
                bit = bit + 1 if byte else (bit | 7) + 1
            key = found + 1
            low = 0

    def _page(self, journal, trace):
        if journal not in self.journals:
            return -1
        key = self.journals.index(journal) << _JOURNAL_SHIFT | trace >> _PAGE_BITS
        if self.hint < self.used and self._keys[self.hint] == key:
            return self.hint
        for page in range(self.used):
            if self._keys[page] == key:
                self.hint = page
                return page
        return -1

    def _at_or_after(self, key):
        best = -1
        for page in range(self.used):
            found = self._keys[page]
            if found >= key and (best < 0 or found < self._keys[best]):
                best = page
        return best

    # The journal's place in the list. A journal without pages makes way for a new one, which
    # goes last: else what is appended to it would stand before what is being walked.
    def _number(self, journal, make):
        if journal in self.journals:
            return self.journals.index(journal)
        if len(self.journals) < JOURNALS_MAX:
            if make:
                self.journals.append(journal)
            return len(self.journals) - (1 if make else 0)
        for number in range(JOURNALS_MAX):
            used = self._at_or_after(number << _JOURNAL_SHIFT)
            if used < 0 or self._keys[used] >> _JOURNAL_SHIFT != number:
                if make:
                    self._put_last(number, journal)
                return JOURNALS_MAX - 1
        return None

    def _drop_if_empty(self, page):
        start = page * _PAGE_SIZE
        for at in range(start, start + _PAGE_SIZE):
            if self.bits[at]:
                return
        self.used -= 1
        last = self.used
        self._keys[page] = self._keys[last]
        for at in range(_PAGE_SIZE):
            self.bits[start + at] = self.bits[last * _PAGE_SIZE + at]
            self.bits[last * _PAGE_SIZE + at] = 0


def clear(unsettled):
    """Forget all, in place: a used heap may have no room for a second one."""
    unsettled.count = unsettled.used = unsettled.hint = 0
    for at in range(len(unsettled.bits)):
        unsettled.bits[at] = 0
    unsettled.journals.clear()


def _byte(page, trace):
    return page * _PAGE_SIZE + ((trace & _PAGE_MASK) >> 3)


def _bit(trace):
    return 1 << (trace & 7)
