"""Simplified Chinese: one text a line, in the order of names.py, then reply codes by number;
faults of the link (faults.py) by theirs."""


def parts():
    return (
        """title=Pointwire
key_amount=请输入金额
keys_home=A余额 D菜单
inquiry=查询余额
amount=金额
tap_card=请刷卡
saving=正在保存
sent=已保存 发送中
asking=正在查询
posted=积分 %+d
balance=余额 %d
value=储值 %s
refused=已拒绝
held=等待总部处理
no_points_yet=积分暂未到账
saved=已保存,稍后入账
""",
        """full=存储已满
not_taken=本次刷卡无效
full_do=请先联网上传
failed=保存失败
failed_do=请重试
no_answer=无应答
no_answer_do=请重试
offline_do=联网后可用
last_tap=最近一笔
last_waiting=尚未入账
last_posted=已入账 %+d
last_refused=已拒绝(%d)
card=卡号 %s
alert=%d笔未入账
alert_do=# 已知晓
terminal=终端 %d
""",
        """unsent=未发送 %d
recovery=存储无法读取
recovery_do=不能刷卡
recovery_call=请联系技术员
code=代码 %d
cancel_ask=撤销此笔?
cancel_do=D 撤销
cancelling=正在撤销
cancelled=已撤销
not_cancelled=未能撤销
cancels=撤销流水 %d
keys_amount=#✓ C← *✗
keys_back=*←
keys_ask=#✓ *←
trace=TRACE %d
receipt=REF %d
""",
        """expiring=最先到期 %d
tap_again=请重新刷卡
training=练习模式
not_posted=不入账
off=抵扣 %s
hand_back=应退 %s
left=可退 %s
has_basket=此笔含商品明细
points=积分 %s
keys_sale=#✓ C← *✗ A=ITEMS
signal=%ddBm
key_points=B=POINTS C=TAPS
more_than_left=超过可退金额
other_items=商品与原单不符
by_items=请按 A 逐项退货
expires=EXP %s
""",
        """online_back=联网后完成 *←
codes=
10=卡不存在
11=卡未激活
12=卡已挂失
13=卡已冻结
14=卡已过期
15=卡号无效
16=卡片可疑
20=会员已停用
30=积分不足
32=不符合规则
37=找不到原交易
38=已撤销或已退完
39=金额或商品不符
40=已撤销
41=由总部决定
42=已不能撤销
50=操作员不存在
51=密码错误
52=操作员已停用
53=暂不可用
54=暂不可用
60=报文错误
61=不支持
62=已重新发送
90=请稍后再试
""",
    )


def faults():
    return """
301=无网络信号
302=找不到服务器
303=网络太慢
304=服务器不可信
305=服务器无应答
306=登录被拒绝
307=无接收权限
308=服务器不确认
309=连接已失效
310=服务器断开
311=服务器数据异常
312=收到虚假应答
313=网关无应答
314=通信模块无应答
315=未插SIM卡
316=SIM卡需要PIN码
317=SIM卡PIN码错误
318=SIM卡已锁定
319=SIM卡故障
320=未注册到网络
321=网络拒绝注册
322=无数据 查APN
323=拨号无地址
324=拨号无法断开
325=找不到Wi-Fi
326=Wi-Fi密码错误
327=Wi-Fi拒绝连接
"""
