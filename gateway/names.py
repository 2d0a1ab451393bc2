"""Masked names: what a cashier may see of a member.

Law: enough to greet, too little to find. A name of Chinese characters keeps its first and last
character (two characters: the first); other names keep the first letter of each word, and the
rest of a word is at most STARS_MAX stars. The result fits reply key 10.

>>> mask("王小明"), mask("王明"), mask("John Smith")
('王*明', '王*', 'J*** S****')
"""

import unicodedata

SIZE_MAX = 24
STARS_MAX = 5


def mask(name: str) -> str:
    """The masked form of a full name; an empty name stays empty."""
    words = unicodedata.normalize("NFC", name).split()
    if len(words) == 1 and _han(words[0]):
        letters = words[0]
        if len(letters) < 3:
            masked = letters[:1] + "*" * (len(letters) - 1)
        else:
            masked = letters[0] + "*" * min(len(letters) - 2, STARS_MAX) + letters[-1]
    else:
        masked = " ".join(word[0] + "*" * min(len(word) - 1, STARS_MAX) for word in words)
    while len(masked.encode()) > SIZE_MAX:
        masked = masked[:-1].rstrip()
    return masked


def _han(word: str) -> bool:
    return all("CJK" in unicodedata.name(letter, "") for letter in word)
