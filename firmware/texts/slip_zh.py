"""Simplified Chinese texts of slips, one a line, in the order of slip_names.py."""


def parts():
    return (
        """sale=消费积分
redemption=积分抵扣
void=撤销
refund=退货
day_end=日结单
copy=*** 重印 ***
training=培训模式 不入账
terminal=终端号
operator=操作员
time=时间
no_time=时钟未校准
tap=流水号
receipt=凭证号
card=卡号
member=会员
original=原交易
""",
        """amount=金额
off=积分抵扣
to_pay=应付
back=应退
points=积分
balance=余额
posted=已入账
saved=已保存,稍后入账
saved_do=联网后积分到账
refused=已拒绝
held=等待总部处理
no_points=积分未入账
cancelling=正在撤销
thanks=谢谢惠顾
taps=笔数
unsent=未发送
""",
        """agrees=与总部一致
differs=与总部不一致
not_compared=尚未对账
other=类型
code=代码
here=本机
gateway=总部
no_taps=无入账
""",
    )
