// What the page says, in two languages; `plain` turns an event of a handset into a sentence.
"use strict";

const WORDS = {
  zh: {
    subtitle: "一条演示街：每台终端都在运行真实固件，屏幕就是它的像素。",
    other: "English", other_lang: "en",
    handsets: "终端", till: "终端", handset_keys: "终端按键，可用键盘输入", dark: "已断电",
    keyboard: "键盘：0–9、* #、A–D；回车 = #，Esc = *，退格 = C。",
    cards: "抽屉里的卡", entry: "用卡方式", tap: "贴卡", swipe: "刷磁条", scan: "扫码",
    two: "两张卡叠在一起", stock: "未激活的卡", unknown: "没人认识的卡",
    gold: "金卡", silver: "银卡", basic: "普通卡",
    mishaps: "出点状况", signal: "信号", strong: "强", weak: "弱", lost: "无信号",
    battery: "电池", cut: "断电", on: "开机", no_paper: "打印机缺纸", new_paper: "装纸",
    operators: "请先登录：编号 # 密码 #",
    operators_do: "没有人登录就不能销售。按 * D 8 退出登录。联网登录过一次，无信号时也能登录，但只能销售。",
    first_sale: "第一笔销售", then: "然后试试", paper: "小票", events: "发生了什么",
    steps: ["按数字键输入金额，例如 1 2 5 0（12.50 元）", "按 # 确认", "点一张会员卡",
            "看屏幕：先“已保存”，再显示积分"],
    tries: ["信号选“无信号”，再卖一笔：屏幕说“已保存，稍后入账”。恢复信号，它自己入账，只入一次。",
            "无信号时卖一笔，马上断电，再开机：屏幕先说上一笔的下落。",
            "把两张卡叠在一起：终端不猜是哪一张，请你重刷。",
            "换一张没人认识的卡，或未激活的卡：先保存，再说明为什么没有积分。",
            "入账后按 D，再按 #：这一笔撤销。",
            "按 A，再点一张卡：查询余额。按 C：最近几笔，再按 C：退回其中一部分。",
            "先卖一笔 100.00；按 B，输入金额，按 #，点同一张卡，再按两次 #：用积分抵扣。",
            "输入金额后按 A，再输入商品类别（如 1）并按 #：逐项销售，最后按 # 刷卡。",
            "选“打印机缺纸”，再卖一笔：小票等着，不耽误收银；装纸后自己补印。按 * D 9 看打印机。",
            "按 * D：菜单。4 日结，5 设置，6 训练（不入账）。"],
    // by the names of tools/page/hints.py
    next: {
      "": "", amount: "下一步：按数字键输入金额", new: "要做下一笔：按数字键输入金额",
      confirm: "下一步：继续输入，或按 # 确认", card: "下一步：点一张卡", saved: "已保存，等待入账",
      wait: "正在等应答；按 * 返回", keyed: "下一步：按屏幕提示输入数字，再按 #",
      question: "下一步：# 是，* 否", choose: "下一步：按所需项目的数字；按 * 返回",
      foot: "按键说明在屏幕最下面一行",
      log_in: "下一步：输入操作员编号，再按 #",
    },
    next_on: "下一步：开机",
    wait: "演示正在自动刷卡，稍等片刻就轮到你。", gone: "演示已结束，或正在重新连接…",
    online: "在线", offline: "离线", off: "关机", unsent: "笔未发送", terminal: "终端",
    keys: {A: "余额", B: "积分", C: "退格 记录", D: "菜单 撤销", "*": "返回", "#": "确认"},
    key: "键", last4: "尾号",
  },
  en: {
    subtitle: "A demo street: every handset runs the real firmware, and its screen is its pixels.",
    other: "中文", other_lang: "zh",
    handsets: "handsets", till: "handset", handset_keys: "keys of the handset; type on the keyboard",
    dark: "no power",
    keyboard: "Keyboard: 0–9, * #, A–D; Enter = #, Esc = *, Backspace = C.",
    cards: "Cards in the drawer", entry: "How a card is used", tap: "Tap", swipe: "Swipe", scan: "Scan",
    two: "two cards at once", stock: "not activated", unknown: "nobody's card",
    gold: "gold", silver: "silver", basic: "basic",
    mishaps: "Mishaps", signal: "Signal", strong: "good", weak: "weak", lost: "lost",
    battery: "Battery", cut: "Cut the power", on: "Switch on", no_paper: "Paper runs out", new_paper: "New paper",
    operators: "Log in first: number # PIN #",
    operators_do: "Nothing is sold before somebody logged in. * D 8 logs out. Who logged in once can log in without signal too, for sales only.",
    first_sale: "Your first sale", then: "Then try", paper: "Slip", events: "What happened",
    steps: ["Press digits for the amount, for example 1 2 5 0 (12.50)", "Press # to confirm",
            "Click a member's card", "Watch the screen: first saved, then the points"],
    tries: ["Set the signal to lost and sell: the screen says saved, posts later. Bring the signal back: it posts by itself, once.",
            "Sell without signal, cut the power at once, switch on: the screen first says what became of that tap.",
            "Hold two cards at once: the handset does not guess, it asks for one.",
            "Use nobody's card, or one not activated: it is saved, and then you read why there are no points.",
            "Press D on a posted sale, then #: it is voided.",
            "Press A, then click a card: the balance. Press C: the last taps, and C again: a part is refunded.",
            "Sell for 100.00; then press B, key a bill, #, click the same card, # twice: it is paid with points.",
            "Key an amount, then A, then a category such as 1 and #: a sale in lines; # alone goes on to the card.",
            "Let the paper run out and sell: the slip waits, the sale does not; with new paper it prints itself. * D 9 is the printer.",
            "Press * and D for the menu: 4 the day's end, 5 settings, 6 training, in which nothing posts."],
    next: {
      "": "", amount: "Next: press digits for the amount",
      new: "For the next sale, press digits for the amount",
      confirm: "Next: more digits, or # to confirm", card: "Next: click a card",
      saved: "Saved, waiting for its points",
      wait: "Waiting for the answer; * goes back",
      keyed: "Next: press the digits the screen asks for, then #",
      question: "Next: # for yes, * for no",
      choose: "Next: press the digit of what you want; * goes back",
      foot: "The keys are explained at the foot of the screen",
      log_in: "Next: press the operator's number, then #",
    },
    next_on: "Next: switch it on",
    wait: "The demo is tapping by itself; it is your turn in a moment.",
    gone: "The demo has ended, or is connecting again…",
    online: "online", offline: "offline", off: "off", unsent: "unsent", terminal: "Handset",
    keys: {A: "balance", B: "points", C: "delete, last", D: "menu, void", "*": "back", "#": "OK"},
    key: "key", last4: "ending in",
  },
};

const TYPES = {
  zh: {1: "销售", 2: "积分抵扣", 3: "撤销", 4: "退货", 9: "日结"},
  en: {1: "sale", 2: "redemption", 3: "void", 4: "refund", 9: "day's end"},
};

// authentic, as the handset looks at that first (firmware/session.py); a forged one is never called so
const LATE = "stray";

const PLAIN = {
  zh: {
    off: () => "断电：程序当场停止",
    ready: (e) => `开机，运行在 ${e.runtime}`,
    recovery: (e) => `存储无法读取：${e.why}`,
    link: (e) => (e.up ? "连上了网络" : `断开了网络：${why(e, "没有信号")}`),
    no_link: (e) => `连不上网络：${why(e, "没有信号")}`,
    saved: (e, what) => `第 ${e.trace} 笔${what}已存入闪存：断电也不会丢，等待入账`,
    posted: (e, what) => `第 ${e.trace} 笔${what}已入账`
      + (e.points === null ? "" : `：${sign(e.points)} 分`)
      + (e.balance === null ? "" : `，余额 ${e.balance}`) + (e.member ? `（${who(e)}）` : ""),
    refused: (e, what, reason) => `第 ${e.trace} 笔${what}没有入账：${reason}`,
    not_saved: (e) => `没有保存，也不会入账：${e.why}`,
    postponed: (e, what) => `${what}${e.trace}：网关请它稍后再来`,
    conflict: (e) => `流水 ${e.old[1]} 被占用，改用新流水 ${e.new[1]}`,
    set_aside: (e) => (e.why === LATE ? "一个应答迟到或重复到达：已没有什么在等它，一切照旧"
      : "收到一个不可信的应答，已丢弃"),
    asked_again: (e) => `网关请求重发 ${e.first} 到 ${e.last}`,
    sent_again: (e) => `流水 ${e.trace} 已重发`,
    rotated: () => "换用了新密钥",
    not_rotated: (e) => `没有换密钥：${e.why}`,
    clock: () => "对好了时间",
    flash: (e) => `闪存出错：${e.why}`,
    died: (e) => `任务 ${e.task} 出错，已重新开始`,
    slip: () => "打印了一张小票",
  },
  en: {
    off: () => "Power cut: the program stopped on the spot",
    ready: (e) => `Switched on, on ${e.runtime}`,
    recovery: (e) => `Its memory cannot be read: ${e.why}`,
    link: (e) => (e.up ? "Connected to the network" : `Lost the network: ${why(e, "no signal")}`),
    no_link: (e) => `No way to the network: ${why(e, "no signal")}`,
    saved: (e, what) => `${what} ${e.trace} saved to flash: it survives a power cut, and waits to post`,
    posted: (e, what) => `${what} ${e.trace} posted`
      + (e.points === null ? "" : `: ${sign(e.points)} points`)
      + (e.balance === null ? "" : `, balance ${e.balance}`) + (e.member ? ` (${who(e)})` : ""),
    refused: (e, what, reason) => `${what} ${e.trace} did not post: ${reason}`,
    not_saved: (e) => `Not saved, and will not post: ${e.why}`,
    postponed: (e, what) => `${what} ${e.trace}: the gateway says try later`,
    conflict: (e) => `Trace ${e.old[1]} was taken, it goes as ${e.new[1]}`,
    set_aside: (e) => (e.why === LATE ? "An answer came late or twice: nothing waits for it any more, nothing changes"
      : "An answer that cannot be trusted was dropped"),
    asked_again: (e) => `The gateway asks for ${e.first} to ${e.last} again`,
    sent_again: (e) => `Trace ${e.trace} was sent again`,
    rotated: () => "Uses a new key",
    not_rotated: (e) => `Keeps its key: ${e.why}`,
    clock: () => "Its clock was set",
    flash: (e) => `Its flash failed: ${e.why}`,
    died: (e) => `The task ${e.task} failed and was started again`,
    slip: () => "A slip was printed",
  },
};

// the board says it in its interpreter's words
const why = (said, lost) => (said.why.includes("radio is off") ? lost : said.why);
const who = (said) => said.member + (said.tier ? ` ${said.tier}` : "");
const sign = (points) => (points > 0 ? `+${points}` : String(points));

// `type`: what message it was, as the event `saved` said; `reasons`: code -> why, of this language
function plain(language, said, type, reasons) {
  const words = PLAIN[language];
  const what = (TYPES[language][type] || TYPES[language][1]);
  const named = language === "en" ? what[0].toUpperCase() + what.slice(1) : what;
  if (said.event === "settled") {
    if (said.code === 0) return words.posted(said, named);
    return words.refused(said, named, reasons[said.code] || String(said.code));
  }
  return words[said.event] ? words[said.event](said, named) : said.event;
}
