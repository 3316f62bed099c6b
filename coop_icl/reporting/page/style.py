"""How the page looks: in light and dark, on a phone and on paper."""

STYLE = """
:root {
  --page: #fdfdfb; --ink: #1d1d1b; --quiet: #64635e; --line: #dedcd5; --raised: #f4f3ee; --link: #00598a;
  --good: #00694a; --bad: #a8430a;
  --blue: #0072b2; --vermilion: #d55e00; --green: #009e73; --purple: #b8578f; --sky: #2a8cc4; --orange: #b87c00;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #161615; --ink: #e9e7e1; --quiet: #a3a199; --line: #3a3935; --raised: #201f1d; --link: #7cc4f0;
    --good: #5fd0a6; --bad: #f0905a;
    --blue: #4aa3df; --vermilion: #f07d2e; --green: #2fbf94; --purple: #dd8fbe; --sky: #86cdf3; --orange: #efb54a;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: 3.5rem 1.25rem 6rem; max-width: 54rem; background: var(--page); color: var(--ink);
  font: 1.0625rem/1.6 Charter, "Bitstream Charter", "Iowan Old Style", Georgia, serif; overflow-wrap: break-word;
}
p, li, dd { max-width: 40rem; }
a { color: var(--link); text-underline-offset: .15em; }
h1 { font-size: 2.1rem; line-height: 1.15; font-weight: 600; letter-spacing: -.01em; margin: .3rem 0 1.2rem; }
h2 { font-size: 1.4rem; line-height: 1.25; font-weight: 600; margin: 4.5rem 0 1rem; }
h3 { font-size: 1.06rem; font-weight: 600; margin: 2.2rem 0 .6rem; }
.kicker, nav, table, summary, figcaption, .note, svg text { font-family: system-ui, "Segoe UI", Arial, sans-serif; }
.kicker { color: var(--quiet); font-size: .875rem; margin: 0; }
.claim { font-size: 1.25rem; line-height: 1.5; margin: 0 0 2rem; }
.verdict { margin: 0 0 1rem; }
.pass { color: var(--good); font-weight: 600; }
.short { color: var(--bad); font-weight: 600; }
nav { font-size: .9375rem; margin: 2.5rem 0 0; padding: 1rem 0; border: solid var(--line); border-width: 1px 0; }
nav ul { display: flex; flex-wrap: wrap; gap: .35rem 1.4rem; list-style: none; margin: 0; padding: 0; }
.note { color: var(--quiet); font-size: .875rem; }
dl { margin: 1.2rem 0; }
dt { font: 600 .9375rem/1.5 system-ui, "Segoe UI", Arial, sans-serif; margin-top: .8rem; }
dd { margin: 0; }
.scroll {
  overflow-x: auto; max-width: 100%;
  background:
    linear-gradient(to right, var(--page) 40%, transparent) left / 2.5rem 100% no-repeat local,
    linear-gradient(to left, var(--page) 40%, transparent) right / 2.5rem 100% no-repeat local,
    linear-gradient(to right, var(--line), transparent) left / .7rem 100% no-repeat scroll,
    linear-gradient(to left, var(--line), transparent) right / .7rem 100% no-repeat scroll;
}
.scroll:focus-visible { outline: 2px solid var(--link); outline-offset: 3px; }
table { border-collapse: collapse; font-size: .875rem; line-height: 1.4; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--quiet); padding: 0 0 .5rem; }
th, td { text-align: right; font-weight: 400; padding: .3rem 0 .3rem 1.3rem; border-top: 1px solid var(--line); }
th:first-child, .facts td { text-align: left; padding-left: 0; }
thead th { color: var(--quiet); border-top: 0; vertical-align: bottom; }
tbody th, td { white-space: nowrap; }
thead th { min-width: 3.5rem; max-width: 9rem; }
.facts th { padding-right: 1.6rem; color: var(--quiet); vertical-align: top; }
.facts td { overflow-wrap: anywhere; white-space: normal; }
figure { margin: 1.4rem 0 2rem; }
figure svg { display: block; width: 100%; height: auto; }
figcaption { color: var(--quiet); font-size: .875rem; line-height: 1.45; margin-top: .5rem; max-width: 40rem; }
svg { fill: currentColor; }
svg text { fill: #000; }
svg * { stroke-linejoin: round; stroke-linecap: butt; }
details { border-top: 1px solid var(--line); }
section > details:last-of-type { border-bottom: 1px solid var(--line); }
details details { border: 0; }
summary { cursor: pointer; padding: .6rem 0; font-size: .9375rem; }
details[open] { padding-bottom: 1.5rem; }
pre {
  font: .8125rem/1.55 ui-monospace, "SF Mono", Menlo, Consolas, monospace; background: var(--raised); margin: .4rem 0;
  padding: 1rem 1.1rem; white-space: pre-wrap; overflow-wrap: anywhere;
}
@media (max-width: 40rem) {
  body { padding: 2rem 1rem 4rem; font-size: 1rem; }
  h1 { font-size: 1.7rem; }
  h2 { margin-top: 3.2rem; }
  .claim { font-size: 1.1rem; }
  .facts th { white-space: normal; }
  th, td { padding-left: .9rem; }
}
@media print { body { max-width: none; padding: 0; } details { break-inside: avoid; } }
"""
"""A style sheet; charts take their colours from its variables."""
