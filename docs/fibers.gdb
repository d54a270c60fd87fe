# Fibers in gdb (x64). In a live process or a core file:
#
#     gdb -p PID -x docs/fibers.gdb        or        gdb PROGRAM CORE -x docs/fibers.gdb
#     (gdb) fibers          every virtual thread: where it is, why it is parked, and its native stack
#     (gdb) bt              on a carrier: the frames of the fiber it runs, down to where that fiber began
#
# Managed code has no names here (the managed stacks are in FiberRuntime.Dump), but backtraces pass through it: it keeps
# frame pointers, and the unwinder below follows them.
handle SIG34 SIG32 nostop noprint pass
set backtrace past-main off
python
import gdb
from gdb.unwinder import Unwinder, register_unwinder

WORD = gdb.lookup_type("unsigned long").pointer()

def word(address):
    return int(gdb.Value(address).cast(WORD).dereference())

class FrameId:
    def __init__(self, sp, pc):
        self.sp, self.pc = sp, pc

class ManagedFrames(Unwinder):
    """Code that belongs to no library: compiled by .NET."""
    def __init__(self):
        super().__init__("fibers-managed")

    def __call__(self, frame):
        pc, sp, fp = (int(frame.read_register(name)) & (2**64 - 1) for name in ("rip", "rsp", "rbp"))
        if gdb.solib_name(pc) is not None or gdb.block_for_pc(pc) is not None or not sp <= fp < sp + (1 << 24):
            return None
        try:
            as_register = lambda name, value: gdb.Value(value).cast(frame.read_register(name).type)
            caller = frame.create_unwind_info(FrameId(as_register("rsp", fp + 16), as_register("rip", pc)))
            for name, value in (("rip", word(fp + 8)), ("rsp", fp + 16), ("rbp", word(fp))):
                caller.add_saved_register(name, as_register(name, value))
            return caller
        except gdb.MemoryError:
            return None

def name_of(pc):
    text = gdb.execute("info symbol 0x%x" % pc, to_string=True).strip()
    return "managed code" if text.startswith("No symbol") else text.split(" in section")[0]

def label(value, prefix):
    return str(value).removeprefix(prefix).lower().replace("_", " ")

def stack(pointer):
    # The picture in asm/switch_x64.S: the saved frame pointer, then the return address.
    fp, pc = word(pointer + 48), word(pointer + 56)
    for _ in range(60):
        yield pc
        if fp == 0:
            return
        try:
            older, pc = word(fp), word(fp + 8)
        except gdb.MemoryError:
            return
        if pc == 0 or (older != 0 and older <= fp):
            return
        fp = older

class Fibers(gdb.Command):
    """Lists every virtual thread, with the native stack of those that are parked."""
    def __init__(self):
        super().__init__("fibers", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        block, parked = gdb.parse_and_eval("fibers_all_vthreads"), 0
        states, reasons = gdb.lookup_type("fibers_park_state"), gdb.lookup_type("fibers_reason")
        while int(block) != 0:
            vthread = block["public"]
            state = label(gdb.Value(int(vthread["park_word"]) & 0xf).cast(states), "FIBERS_")
            line = "virtual thread %d (tid %d): %s" % (int(vthread["index"]), int(vthread["virtual_tid"]), state)
            if int(vthread["running_tid"]) != 0:
                line += " on kernel thread %d" % int(vthread["running_tid"])
            if state == "parked":
                parked += 1
                line += ", " + label(vthread["request"]["reason"].cast(reasons), "FIBERS_REASON_")
            print(line)
            if state == "parked":
                for pc in stack(int(vthread["context"]["stack_pointer"])):
                    print("    0x%016x %s" % (pc, name_of(pc)))
            block = block["all_next"]
        print("%d parked" % parked)

register_unwinder(None, ManagedFrames(), replace=True)
Fibers()
end
