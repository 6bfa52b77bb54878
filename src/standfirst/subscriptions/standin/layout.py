"""How the stand-in's pages look: sober, without script, plainly marked on every one."""

from datetime import UTC, datetime
from html import escape

from standfirst.subscriptions.standin import NOTICE

STYLE = """
:root { --paper: #fffdf9; --ink: #1b1a18; --soft: #66625b; --rule: #ded8cd; --wash: #f5f0e6;
  --accent: #8c1c13; --on-accent: #fff; color-scheme: light dark }
@media (prefers-color-scheme: dark) { :root { --paper: #161513; --ink: #ebe6dd; --soft: #a49d92;
  --rule: #35322d; --wash: #201e1b; --accent: #ef8f7f; --on-accent: #1a0f0d } }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); overflow-wrap: break-word;
  font: 1.06rem/1.55 Newsreader, Georgia, serif }
.notice { background: var(--accent); color: var(--on-accent); margin: 0; padding: .6rem 1.25rem;
  font: 600 .9rem/1.4 system-ui, sans-serif; text-align: center }
main { max-width: 38rem; margin: 0 auto; padding: 2rem 1.25rem 4rem }
h1 { font-weight: 500; font-size: 2rem; line-height: 1.1; margin: 0 0 1rem; letter-spacing: -.01em }
h2 { font-weight: 500; font-size: 1.3rem; margin: 2.5rem 0 .75rem; padding-top: 1rem;
  border-top: 1px solid var(--rule) }
table { width: 100%; border-collapse: collapse; margin: 0 0 1.25rem }
th, td { text-align: start; font-weight: 400; padding: .45rem .5rem .45rem 0; vertical-align: top;
  border-bottom: 1px solid var(--rule) }
td:last-child { text-align: end; padding-inline-end: 0; white-space: nowrap }
.total th, .total td { font-weight: 600 }
fieldset { border: 1px solid var(--rule); margin: 0 0 1.25rem; padding: .5rem 1rem .75rem }
legend, label, button, .ui { font: 500 .95rem/1.5 system-ui, sans-serif }
legend { padding: 0 .4rem; font-weight: 600 }
.choice { display: flex; gap: .6rem; padding: .3rem 0; align-items: baseline }
.field { display: block; margin: 0 0 1rem }
input[type=text], input[type=email], select { display: block; width: 100%; margin-top: .25rem;
  font: inherit; padding: .55rem .6rem; color: inherit; background: var(--paper);
  border: 1px solid var(--soft); border-radius: 2px }
button { background: var(--accent); color: var(--on-accent); border: 1px solid var(--accent);
  border-radius: 2px; padding: .65rem 1.1rem; cursor: pointer; font-weight: 600 }
button.quiet { background: none; color: var(--ink); border-color: var(--soft); font-weight: 500 }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px }
a { color: inherit; text-underline-offset: .18em } a:hover { color: var(--accent) }
.soft { color: var(--soft) } .choice .soft { white-space: nowrap }
th { overflow-wrap: anywhere }
.said { border-inline-start: 4px solid var(--accent); background: var(--wash); padding: .7rem 1rem;
  margin: 0 0 1.25rem }
.row { display: flex; flex-wrap: wrap; gap: .75rem; align-items: end; margin: 0 0 1rem }
.row .field { flex: 1 1 12rem; margin: 0 }
"""
CHOICES = (
    ("4242424242424242", "A card that works"),
    ("4000000000000002", "A card that is declined"),
    ("4000000000009995", "A card without enough money"),
    ("4000000000000069", "A card that has expired"),
    ("4000002500003155", "A card whose bank asks once (3-D Secure)"),
    ("4000002760003184", "A card whose bank asks every time (3-D Secure)"),
    ("4000000000000341", "A card that can be saved, and is declined when it is charged"),
    ("4000000000000259", "A card that works, and whose owner disputes the payment"),
)


def page(title: str, body: str) -> bytes:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="robots" content="noindex">'
        f"<title>{escape(title)} – Stand-in for Stripe</title>"
        f'<style>{STYLE}</style></head><body><header class="notice">{escape(NOTICE)}</header>'
        f"<main><h1>{escape(title)}</h1>{body}</main></body></html>"
    ).encode()


def form(action: str, inside: str, button: str = "", *, quiet: bool = False, **hidden: str) -> str:
    kept = "".join(
        f'<input type="hidden" name="{name}" value="{escape(value)}">'
        for name, value in hidden.items()
    )
    end = f"<button{' class=quiet' if quiet else ''}>{escape(button)}</button>" if button else ""
    return f'<form method="post" action="{escape(action)}">{kept}{inside}{end}</form>'


def said(text: str) -> str:
    return f'<p class="said" role="alert">{escape(text)}</p>' if text else ""


def rows(*pairs: tuple[str, str], total: tuple[str, str] | None = None) -> str:
    lines = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>'
        for name, value in pairs
    )
    if total:
        lines += (
            f'<tr class="total"><th scope="row">{escape(total[0])}</th>'
            f"<td>{escape(total[1])}</td></tr>"
        )
    return f"<table>{lines}</table>"


def cards(chosen: str = "") -> str:
    options = "".join(
        f'<label class="choice"><input type="radio" name="card" value="{number}" required'
        f"{' checked' if number == (chosen or CHOICES[0][0]) else ''}> {escape(text)}"
        f' <span class="soft">…{number[-4:]}</span></label>'
        for number, text in CHOICES
    )
    return f"<fieldset><legend>Card</legend>{options}</fieldset>"


def day(moment: int | None) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%-d %B %Y}" if moment else ""


def pdf(lines: list[str]) -> bytes:
    """One sheet with these lines, as a PDF of its plainest kind."""
    text = "BT /F1 12 Tf 60 780 Td 18 TL"
    for line in lines:
        plain = line.encode("latin-1", "replace").decode("latin-1")
        for mark in ("\\", "(", ")"):
            plain = plain.replace(mark, "\\" + mark)
        text += f" ({plain}) Tj T*"
    stream = (text + " ET").encode("latin-1")
    font = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"
    parts = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        font,
    ]
    out, places = b"%PDF-1.4\n", []
    for number, part in enumerate(parts, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, part)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % len(out)
    return out + b"xref\n0 6\n0000000000 65535 f \n" + table + end
