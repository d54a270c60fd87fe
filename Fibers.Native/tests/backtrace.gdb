# Unwind information, instruction by instruction: wherever a debugger stops inside the switch, the backtrace ends cleanly, at the
# first frame of the stack it stands on.
set pagination off
set confirm off
set breakpoint pending on
set detach-on-fork on
set follow-fork-mode child
python
import gdb

# Where a stack may begin; clone is clone3 on newer C libraries.
OUTERMOST = ("main", "_start", "fibers_first_entry", "clone", "clone3", "__clone3")
SWITCHES = ("fibers_switch_fsgsbase", "fibers_switch_syscall", "fibers_switch_peer_fsgsbase", "fibers_switch")

def frames():
    frame, names = gdb.newest_frame(), []
    while frame is not None and len(names) < 60:
        names.append(frame.name())
        frame, stop = frame.older(), frame.unwind_stop_reason()
    return names, stop

stops, bad, begun = 0, [], set()
gdb.execute("break fibers_switch_fsgsbase")
gdb.execute("break fibers_switch_syscall")
gdb.execute("run", to_string=True)
for switch in range(8):
    while gdb.selected_inferior().pid != 0 and gdb.newest_frame().name() in SWITCHES:
        names, stop = frames()
        stops += 1
        begun.add(names[-1])
        if names[-1] not in OUTERMOST or stop not in (gdb.FRAME_UNWIND_NO_REASON, gdb.FRAME_UNWIND_OUTERMOST):
            bad.append((hex(gdb.newest_frame().pc()), names))
        gdb.execute("stepi", to_string=True)
    if gdb.selected_inferior().pid == 0:
        break
    gdb.execute("continue", to_string=True)
for item in bad[:5]:
    print("bad backtrace at", item)
print("%d backtraces, %d bad, beginning at %s" % (stops, len(bad), ", ".join(sorted(begun))))
if stops > 50 and not bad and "fibers_first_entry" in begun:
    print("BACKTRACES END CLEANLY")
gdb.execute("kill")
end
quit
