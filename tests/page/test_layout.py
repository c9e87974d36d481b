"""What can be seen of the page: text that can be read."""

from dfine.page import cached_files, layout
from dfine.page.tabs import TABS
from tests.page.visitor import example, open_tab

# Text on the page whose contrast to what lies behind it is below 4.5, with opacity; marks of colour are no text.
WEAK = r"""() => {
    const parse = (c) => { const m = c.match(/[\d.]+/g).map(Number); return m.length < 4 ? [...m, 1] : m; };
    const channel = (v) => v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4;
    const light = (c) => 0.2126 * channel(c[0]) + 0.7152 * channel(c[1]) + 0.0722 * channel(c[2]);
    const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3]));
    const weak = [], known = new Map();
    const seen = (e) => {  // the colour of its text, what lies behind it, and how opaque it is
        if (!e) return {back: [255, 255, 255], opacity: 1};
        if (!known.has(e)) {
            const {back, opacity} = seen(e.parentElement), style = getComputedStyle(e);
            const mine = over(parse(style.backgroundColor), back);
            known.set(e, {colour: style.color, back: mine, opacity: opacity * style.opacity});
        }
        return known.get(e);
    };
    for (const e of document.querySelectorAll('body *')) {
        const own = [...e.childNodes].filter((n) => n.nodeType === Node.TEXT_NODE);
        const text = own.map((n) => n.textContent.trim()).join('');
        if (!text || text === '●' || !e.checkVisibility({opacityProperty: true})) continue;
        if (e.closest('svg, [disabled], .sr-only, .hide, script, style')) continue;
        const {colour, back, opacity} = seen(e), ink = parse(colour);
        ink[3] *= opacity;
        const [low, high] = [light(over(ink, back)), light(back)].sort((a, b) => a - b);
        if ((high + 0.05) / (low + 0.05) < 4.5) weak.push(text.slice(0, 60));
    }
    return weak;
}"""


# What is written and cut off, without a sign that there is more.
CUT = """() => {
    const all = [...document.querySelectorAll('body *')].filter((e) => e.offsetParent || e.ownerSVGElement);
    const apart = '.sr-only, .unseen, .skip, .js-plotly-plot';
    const written = (e) => !e.children.length && e.textContent.trim() && !e.closest(apart);
    const cut = all.filter(written).filter((e) => {
            const style = getComputedStyle(e), r = e.getBoundingClientRect();
            const svg = e.ownerSVGElement?.getBoundingClientRect();
            if (svg) return r.width && (r.left < svg.left - 1 || r.right > svg.right + 1);
            const hidden = style.overflowX !== 'visible' && style.textOverflow !== 'ellipsis';
            return hidden && e.scrollWidth > e.clientWidth + 1;
        });
    return cut.map((e) => e.textContent.slice(0, 60));
}"""
DRAWN = {  # by what the server has drawn a tab that the browser does not
    "sampling": "#sampling .js-plotly-plot",
    "spoil": "#spoiled-edges table",
    "compare": "#compare .numbers tbody tr",
    "why": "#probe img",
    "paper": "#paper img",
    "files": "#object-html:not([disabled])",
}


def test_text_stands_out_from_what_lies_behind_it(page):
    """In the light and in the dark; what is still being drawn is dimmed."""
    example(page, 1)
    for scheme in ("light", "dark"):  # once each, since to change all colours takes long
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function(f"document.body.classList.contains('dark') === {str(scheme == 'dark').lower()}")
        for tab in TABS:
            open_tab(page, tab.key)
            page.wait_for_selector(DRAWN.get(tab.key, f"#panel-{tab.key}"))
            for _ in range(1200):
                page.wait_for_timeout(100)
                weak, cut = page.evaluate(WEAK), page.evaluate(CUT)
                if not weak and not cut:
                    break
            assert weak == [], (tab.key, scheme)
            assert cut == [], tab.key
    page.emulate_media(forced_colors="active")
    border = "button => getComputedStyle(document.querySelector(button)).borderTopStyle"
    for button in ("#several", "#object-html", "#sweep", "#ask"):
        assert page.evaluate(border, button) == "solid", "what has no colour of its own has an outline"
    ink = "() => getComputedStyle(document.querySelector('#tabs [aria-selected=true]')).color"
    row = "() => getComputedStyle(document.querySelector('#objects tr[aria-selected=true] td')).color"
    assert page.evaluate(ink) == page.evaluate(row), "both stand on the system's colour of what is chosen"
    page.emulate_media(forced_colors="none", contrast="more")
    assert page.evaluate("getComputedStyle(document.querySelector('#headline .words')).opacity") == "1"
    page.emulate_media(contrast="no-preference")


def test_every_style_sheet_is_served_once_and_what_changes_others_comes_last():
    written = {path.stem for path in (cached_files.HERE / "styles").glob("*.css")}
    assert sorted(layout.STYLES) == sorted(written) and layout.STYLES[-1] == "screens"
    assert layout.CSS.count("{") == layout.CSS.count("}")
