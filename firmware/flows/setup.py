"""What a cashier may set: language, volume, brightness, slips; each key sets its next value.

| place | what the cashier sees | leaves by |
|---|---|---|
| setup.main | how it is set | 1 2 3 5 the next value, 4 setup.about, * HOME |
| setup.failed | it could not be kept; nothing changed | any key setup.main |
| setup.no_font | the other language has no letters here | any key setup.main |
| setup.about | program, board, boots, crashes | any key setup.main |

`shown`: (language, volume, brightness, board, boots, slips, crashes), None until they are known.
"""

from firmware.flows import setup_texts
from firmware.states import HOME, beep, to


def begin(state, till):
    return to(state, "setup.main"), (("set", None, None),) + beep("key")


def step(state, event, now, till):
    kind, shown = event[0], state.shown
    if kind == "kept":
        return to(state, "setup.main", None, 0, None, event[1:]), ()
    if kind == "failed":
        name = "setup.no_font" if event[-1] == "font" else "setup.failed"
        return to(state, name, None, 0, None, shown), beep("fault")
    if kind != "key":
        return state, ()
    key = event[1]
    if state.name != "setup.main":
        return to(state, "setup.main", None, 0, None, shown), beep("key")
    if key == "*":
        return to(state, HOME), beep("key")
    if not shown:
        return state, ()
    if key == "1":
        wanted = "language", "en" if shown[0] == "zh" else "zh"
    elif key == "2":
        wanted = "volume", (shown[1] + 1) % 4
    elif key == "3":
        wanted = "brightness", (shown[2] + 1) % 4
    elif key == "5":
        wanted = "slips", 1 - shown[5]
    elif key == "4":
        return to(state, "setup.about", None, 0, None, shown), beep("key")
    else:
        return state, ()
    return state, (("set",) + wanted,) + beep("key")


def view(page):
    words, shown = page.wording(setup_texts.parts(page.language)), page.shown
    page.foot = words[setup_texts.FOOT_BACK]
    if page.state.name == "setup.failed":
        return words[setup_texts.NOT_KEPT], words[setup_texts.AS_BEFORE]
    if page.state.name == "setup.no_font":
        return words[setup_texts.NO_FONT], words[setup_texts.NO_FONT_DO]
    if not shown:
        return (words[setup_texts.TITLE],)
    if page.state.name == "setup.about":
        last = words[setup_texts.BOOTS] % shown[4]
        if shown[6]:
            crashes = words[setup_texts.CRASHES] % shown[6]
            last = page.either(last + " " + crashes, crashes)
        return ("Pointwire " + page.status.version)[:16], shown[3], last
    page.foot = words[setup_texts.FOOT_SLIPS if shown[5] else setup_texts.FOOT_NO_SLIPS]
    return (words[setup_texts.LANGUAGE], words[setup_texts.VOLUME] % shown[1],
            words[setup_texts.BRIGHTNESS] % shown[2])
