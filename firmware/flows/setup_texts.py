"""The words of the settings: in each language one text a line, in the order of the numbers."""

from micropython import const

TITLE = const(0)
LANGUAGE = const(1)
VOLUME = const(2)
BRIGHTNESS = const(3)
BOOTS = const(4)
NOT_KEPT = const(5)
AS_BEFORE = const(6)
FOOT_SLIPS = const(7)
FOOT_NO_SLIPS = const(8)
FOOT_BACK = const(9)
CRASHES = const(10)
NO_FONT = const(11)
NO_FONT_DO = const(12)


def parts(language):
    return (zh() if language == "zh" else en(),)


def en():
    return """title=Settings
language=1 English
volume=2 Volume %d
brightness=3 Light %d
boots=Boots %d
not_kept=Not kept
as_before=All as before
foot_slips=4i 5SLIP ON  *←
foot_no_slips=4i 5SLIP OFF *←
foot_back=*←
crashes=Crash %d
no_font=No Chinese font
no_font_do=Call technician
"""


def zh():
    return """title=设置
language=1 中文
volume=2 音量 %d
brightness=3 亮度 %d
boots=启动 %d
not_kept=未能保存
as_before=设置未变
foot_slips=4i 5SLIP ON  *←
foot_no_slips=4i 5SLIP OFF *←
foot_back=*←
crashes=故障 %d
no_font=缺少中文字库
no_font_do=请联系技术员
"""
