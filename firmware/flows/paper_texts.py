"""The words of the printer: in each language one text a line, in the order of the numbers, then
by name its states (board/printer.py) and what else comes of asking it."""

from micropython import const

TITLE = const(0)
WAITING = const(1)
DROPPED = const(2)
FOOT = const(3)


def parts(language):
    return (zh() if language == "zh" else en(),)


def en():
    return """title=Printer
waiting=%d waiting
dropped=%d given up
foot=#AGAIN C=DROP *←
idle=Ready
printing=Printing
paper_out=No paper
cover_open=Cover open
error=Out of order
offline=Not ready
busy=Busy
no_answer=No answer
memory=No memory now
absent=No printer
none=No slip yet
failed=Cannot be read
"""


def zh():
    return """title=打印机
waiting=%d 张待打印
dropped=%d 张已放弃
foot=#AGAIN C=DROP *←
idle=就绪
printing=正在打印
paper_out=缺纸
cover_open=机盖未关
error=打印机故障
offline=未就绪
busy=打印机忙
no_answer=无应答
memory=内存不足
absent=没有打印机
none=还没有小票
failed=无法读取
"""
