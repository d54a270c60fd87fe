"use strict";

// The page shows the recording and nothing else: every number below comes out of it.
const recording = JSON.parse(document.getElementById("recording").textContent);
const states = recording.crossings.flatMap((crossing, c) => crossing.steps.map((step, s) => ({ crossing, c, step, s })));
const element = id => document.getElementById(id);
let at = 0;

function make(tag, text, className) {
    const made = document.createElement(tag);
    made.textContent = text;
    made.className = className ?? "";
    return made;
}

function row(cells, className) {
    const made = make("tr", "", className);
    made.append(...cells.map(cell => make("td", cell)));
    return made;
}

function wide(text, className) {
    const made = row([text], className);
    made.firstChild.colSpan = 3;
    return made;
}

// High addresses at the top, so that the stack grows down, towards its guard page.
function showStack(section, party, frames, slots, standsHere) {
    section.querySelector("h2").textContent = `Stack of ${party.name}`;
    section.classList.toggle("here", standsHere);
    section.querySelector(".frames").replaceChildren(...frames.toReversed().map(frame => make("li", frame.name, frame.isManaged ? "managed" : "")));
    const pointer = slots.find(slot => slot.live);
    const rows = [wide(`... up to ${party.stackHigh}, where it began`, "gap")];
    for (const slot of slots.toReversed()) {
        const mark = slot !== pointer ? "" : standsHere ? "rsp ▶ " : "parked here ▶ ";
        const made = row([slot.address, slot.value, mark + slot.name],
            `${slot.live ? "" : "free"}${slot === pointer ? " pointer" : ""}${slot.written ? " lit" : ""}`);
        made.dataset.address = slot.address;
        made.title = slot.name;
        rows.push(made);
    }

    rows.push(wide(`... free, down to ${party.stackLow}`, "gap"));
    if (party.guardLow !== "0x0")
        rows.push(wide(`guard page at ${party.guardLow}: no entry`, "guard"));
    section.querySelector(".stack").replaceChildren(...rows);
}

function showCode({ crossing, c, step }) {
    const routine = recording.routines[crossing.routine];
    element("routine").textContent = routine.name;
    element("code").replaceChildren(...routine.lines.map((line, i) => {
        const made = row([line.address, line.text], i === step.line ? "lit" : "");
        made.dataset.line = i;
        made.title = line.why;
        made.onclick = () => show(states.findIndex(state => state.c === c && state.step.line === i));
        return made;
    }));
}

function showRegisters({ step }) {
    element("registers").replaceChildren(...step.registers.map(register => {
        const made = make("div", "", register.written ? "lit" : "");
        made.append(make("span", register.name), make("span", register.value));
        made.dataset.register = register.name;
        return made;
    }));
}

function showWho({ crossing, step }) {
    const carrier = recording.parties.find(party => party.isCarrier);
    const owner = index => make("b", recording.parties[index].name, index === crossing.from ? "from" : "to");
    const stack = make("span", `${carrier.name} stands on the stack of `), thread = make("span", "its thread pointer is that of ");
    stack.append(owner(step.standsOn));
    thread.append(owner(step.threadPointerOf));
    const parked = make("span", `parked: ${recording.parties.filter((_, i) => i !== step.standsOn).map(party => party.name).join(", ")}`, "free");
    element("who").replaceChildren(stack, thread, parked);
}

function say({ crossing, step, s }) {
    const routine = recording.routines[crossing.routine];
    if (step.line < 0)
        return `Arrived in ${step.at}. ${recording.parties[crossing.to].name} goes on as if its call of ${routine.name} had just returned.`;
    const line = routine.lines[step.line];
    const start = s > 0 ? "" : `${step.parkedAt.address} is the context of ${recording.parties[crossing.from].name}; ${crossing.instructionsBefore} other instructions came before this crossing. `;
    return `${start}Next, ${line.text}: ${line.why}.`;
}

function show(index) {
    at = Math.max(0, Math.min(states.length - 1, index));
    const state = states[at], { crossing, c, step } = state;
    element("title").textContent = `Crossing ${c + 1} of ${recording.crossings.length}: ${recording.parties[crossing.from].name} to ${recording.parties[crossing.to].name}`;
    element("count").textContent = `${at + 1} / ${states.length}`;
    element("slider").max = states.length - 1;
    element("slider").value = at;
    element("said").textContent = say(state);
    element("captured").textContent = recording.capturedBy;
    showWho(state);
    showCode(state);
    showRegisters(state);
    showStack(element("from"), recording.parties[crossing.from], crossing.fromFrames, step.fromStack, step.standsOn === crossing.from);
    showStack(element("to"), recording.parties[crossing.to], crossing.toFrames, step.toStack, step.standsOn === crossing.to);
}

function toggleTheme() {
    const dark = document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
    document.documentElement.dataset.theme = dark === "dark" ? "light" : "dark";
}

const moves = { ArrowRight: () => at + 1, ArrowDown: () => at + 1, ArrowLeft: () => at - 1, ArrowUp: () => at - 1, Home: () => 0, End: () => states.length - 1 };
addEventListener("keydown", event => {
    if (!(event.key in moves) || event.altKey || event.ctrlKey || event.metaKey)
        return;
    event.preventDefault(); // the slider would move as well
    show(moves[event.key]());
});
element("first").onclick = () => show(0);
element("back").onclick = () => show(at - 1);
element("forward").onclick = () => show(at + 1);
element("last").onclick = () => show(states.length - 1);
element("slider").oninput = event => show(Number(event.target.value));
element("theme").onclick = toggleTheme;
show(0);
