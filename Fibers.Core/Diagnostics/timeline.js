"use strict";

const trace = JSON.parse(document.getElementById("trace").textContent);
const events = trace.traceEvents;
const element = id => document.getElementById(id);
const labelWidth = 130, rowHeight = 34, boxHeight = 24, axisHeight = 26, narrowest = 2;

// ---- the trace, sorted for drawing ----

const named = events.filter(event => event.ph === "M" && event.name === "thread_name");
const order = new Map(events.filter(event => event.name === "thread_sort_index").map(event => [event.tid, event.args.sort_index]));
const rows = named.map(event => ({ tid: event.tid, name: event.args.name, slices: [], marks: [] })).sort((a, b) => order.get(a.tid) - order.get(b.tid));
const rowOf = new Map(rows.map((row, i) => [row.tid, { row, i }]));
const runsOf = new Map();
const flows = new Map();
events.forEach((event, index) => {
    event.index = index;
    if (event.ph === "X")
        rowOf.get(event.tid).row.slices.push(event);
    else if (event.ph === "i")
        rowOf.get(event.tid).row.marks.push(event);
    else if (event.ph === "s" || event.ph === "f")
        flows.set(event.id, { ...flows.get(event.id), [event.ph]: event });
    if (event.cat === "run")
        runsOf.set(event.args.fiber, [...runsOf.get(event.args.fiber) ?? [], event]);
});
for (const row of rows)
    row.slices.sort((a, b) => a.ts - b.ts);
const timed = events.filter(event => "ts" in event);
const first = timed.reduce((least, event) => Math.min(least, event.ts), Infinity);
const last = timed.reduce((most, event) => Math.max(most, event.ts + (event.dur ?? 0)), -Infinity);
const everything = timed.length === 0 ? { from: 0, to: 1 } : { from: first, to: Math.max(last, first + 1) };
let view = everything, chosen = null;

// ---- drawing ----

function draw(tag, attributes, text) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes))
        made.setAttribute(name, value);
    if (text !== undefined)
        made.textContent = text;
    return made;
}

const width = () => element("picture").clientWidth - labelWidth;
const x = ts => labelWidth + (ts - view.from) / (view.to - view.from) * width();
const topOf = i => axisHeight + i * rowHeight;

function time(microseconds) {
    return microseconds >= 1e6 ? `${(microseconds / 1e6).toFixed(3)} s` : microseconds >= 1e3 ? `${(microseconds / 1e3).toFixed(3)} ms` : `${microseconds.toFixed(3)} µs`;
}

function drawAxis(into) {
    const rough = (view.to - view.from) / 8, power = 10 ** Math.floor(Math.log10(rough));
    const step = power * [1, 2, 5, 10].find(factor => factor * power >= rough);
    for (let ts = Math.ceil(view.from / step) * step; ts <= view.to; ts += step) {
        const tick = draw("g", { class: "tick" });
        tick.append(draw("line", { x1: x(ts), x2: x(ts), y1: axisHeight - 6, y2: topOf(rows.length) }), draw("text", { x: x(ts) + 3, y: 14 }, time(ts)));
        into.append(tick);
    }
}

// Runs too narrow to see become one grey box, as long as they follow each other closely.
function drawRow(into, row, i) {
    into.append(draw("line", { class: "row", x1: 0, x2: labelWidth + width(), y1: topOf(i), y2: topOf(i) }), draw("text", { class: "name", x: 0, y: topOf(i) + 21 }, row.name));
    let dense = null;
    const flush = () => {
        if (dense)
            into.append(draw("rect", { class: "dense", x: dense.from, width: Math.max(1, dense.to - dense.from), y: topOf(i) + 5, height: boxHeight }));
        dense = null;
    };
    for (const slice of row.slices) {
        if (slice.ts + slice.dur < view.from || slice.ts > view.to)
            continue;
        const from = Math.max(labelWidth, x(slice.ts)), to = Math.min(labelWidth + width(), x(slice.ts + slice.dur));
        if (to - from < narrowest && slice !== chosen && slice.cat === "run") {
            if (dense && from - dense.to > 1)
                flush();
            dense = { from: dense?.from ?? from, to };
            continue;
        }

        into.append(drawSlice(slice, from, Math.max(1, to - from), i));
        if (slice.cat === "run" && to - from > 60)
            into.append(draw("text", { class: "inside", x: from + 4, y: topOf(i) + 21 }, slice.name.slice(0, Math.floor((to - from) / 8))));
    }

    flush();
    for (const mark of row.marks.filter(mark => mark.ts >= view.from && mark.ts <= view.to))
        into.append(drawMark(mark, i));
}

function drawSlice(slice, from, across, i) {
    const made = draw("rect", { class: slice.cat + (slice === chosen ? " chosen" : ""), x: from, width: across, y: topOf(i) + 5, height: boxHeight, "data-index": slice.index });
    if (slice.cat === "run")
        made.style.setProperty("--hue", slice.args.fiber * 137 % 360);
    made.onmouseenter = () => describe(slice);
    made.onmouseleave = () => describe(chosen);
    made.onclick = () => choose(slice);
    return made;
}

function drawMark(mark, i) {
    const made = draw("path", { class: "mark", d: `M${x(mark.ts)} ${topOf(i) + 9}l-5 -8h10z`, "data-index": mark.index });
    made.onmouseenter = () => describe(mark);
    made.onmouseleave = () => describe(chosen);
    return made;
}

// Those of the chosen run; without one all, if they are few.
function drawArrows(into) {
    const within = event => event.ts >= view.from && event.ts <= view.to;
    const during = event => chosen && event.tid === chosen.tid && event.ts >= chosen.ts && event.ts <= chosen.ts + chosen.dur;
    const wanted = [...flows.values()].filter(({ s, f }) => within(s) && within(f) && (!chosen || during(s) || during(f)));
    if (!chosen && wanted.length > 60)
        return;
    for (const { s, f } of wanted) {
        const y1 = topOf(rowOf.get(s.tid).i) + 17, y2 = topOf(rowOf.get(f.tid).i) + 17, bend = Math.max(12, (x(f.ts) - x(s.ts)) / 3);
        into.append(draw("path", { class: "arrow", d: `M${x(s.ts)} ${y1}C${x(s.ts) + bend} ${y1 - 14} ${x(f.ts) - bend} ${y2 - 14} ${x(f.ts)} ${y2}`, "data-flow": s.id }));
    }
}

function show() {
    const picture = element("picture"), height = topOf(rows.length) + 6;
    picture.setAttribute("height", height);
    const head = draw("marker", { id: "head", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto" });
    head.append(draw("path", { d: "M0 0L8 4L0 8z", fill: "var(--arrow)" }));
    const drawn = draw("g", {});
    drawAxis(drawn);
    rows.forEach((row, i) => drawRow(drawn, row, i));
    drawArrows(drawn);
    picture.replaceChildren(head, drawn);
    element("range").textContent = `${time(view.from)} to ${time(view.to)}, ${rows.reduce((sum, row) => sum + row.slices.filter(slice => slice.cat === "run").length, 0)} runs of ${runsOf.size} fibers`;
    describe(chosen);
}

function describe(event) {
    const dropped = trace.otherData.entriesThereWasNoRoomFor;
    if (!event) {
        element("details").textContent = dropped > 0 ? `The first ${dropped} entries are missing: there was no room for them.` : "Point at a box.";
        return;
    }

    const where = rowOf.get(event.tid).row.name, how = event.dur === undefined ? "" : `, for ${time(event.dur)}`;
    const why = event.cat === "run" ? ` Before: ${event.args.woken}. Then: ${event.args.then}.` : "";
    element("details").textContent = `${event.name}, on ${where}, at ${time(event.ts)}${how}.${why}`;
}

// ---- moving ----

function look(from, to) {
    const span = Math.min(Math.max(to - from, 0.05), everything.to - everything.from);
    const start = Math.min(Math.max(from, everything.from), everything.to - span);
    view = { from: start, to: start + span };
    show();
}

function zoom(factor, around = (view.from + view.to) / 2) {
    look(around - (around - view.from) * factor, around + (view.to - around) * factor);
}

const move = share => look(view.from + share * (view.to - view.from), view.to + share * (view.to - view.from));

function choose(slice) {
    chosen = slice === chosen ? null : slice;
    show();
}

function goTo(slice) {
    chosen = slice;
    const span = Math.max(slice.dur * 6, (view.to - view.from) / 4, 1);
    look(Math.min(slice.ts, slice.ts + slice.dur / 2 - span / 2), slice.ts + slice.dur / 2 + span / 2);
}

function another(step) {
    const runs = chosen?.cat === "run" ? runsOf.get(chosen.args.fiber) : [];
    const next = runs[runs.indexOf(chosen) + step];
    if (next)
        goTo(next);
}

const keys = {
    "+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2), Home: () => look(everything.from, everything.to),
    ArrowLeft: () => move(-0.2), ArrowRight: () => move(0.2), n: () => another(1), p: () => another(-1), Escape: () => choose(chosen),
};
addEventListener("keydown", event => {
    if (!(event.key in keys) || event.altKey || event.ctrlKey || event.metaKey)
        return;
    event.preventDefault();
    keys[event.key]();
});
addEventListener("resize", show);
const pointedAt = event => view.from + (event.offsetX - labelWidth) / width() * (view.to - view.from);
element("picture").addEventListener("wheel", event => {
    event.preventDefault();
    zoom(event.deltaY > 0 ? 1.25 : 0.8, pointedAt(event));
}, { passive: false });
element("picture").addEventListener("pointermove", event => {
    if (event.buttons === 1 && event.movementX !== 0)
        move(-event.movementX / width());
});
element("in").onclick = keys["+"];
element("out").onclick = keys["-"];
element("all").onclick = keys.Home;
element("theme").onclick = () => {
    const now = document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
    document.documentElement.dataset.theme = now === "dark" ? "light" : "dark";
};
show();
