package dev.worldswitch.fuzz;

import dev.worldswitch.fuzz.GuardedMemory.Window;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.IoctlTable;
import dev.worldswitch.kvm.KvmFile.Kind;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * Arbitrary bytes as a client's calls: which descriptor, which ioctl, and an argument that is a number, a pointer to a
 * structure, one to its last byte before unmapped memory, or nonsense.
 */
public final class IoctlScript {
    /** Told of each call. */
    public interface Listener {
        default void before(int file, int command, long argument) {}

        default void after(int file, int command, long argument, long answer) {}
    }

    private static final int CREATE_VM = IoctlTable.io(1), CREATE_VCPU = IoctlTable.io(0x41), RUN = IoctlTable.io(0x80);
    private static final int SET_REGION = IoctlTable.iow(0x46, 32), ARM_INIT = IoctlTable.iow(0xae, 32);
    private static final int ARM_TARGET = IoctlTable.ior(0xaf, 32), ARM_FINALIZE = IoctlTable.iow(0xc2, 4);
    private static final int CREATE_IRQCHIP = IoctlTable.io(0x60), CREATE_DEVICE = IoctlTable.iowr(0xe0, 12);
    private static final int OPS_MAX = 48, FILES_MAX = 24;
    private static final long[] NONSENSE = {
        0, 1, -1, Long.MIN_VALUE, 0x7fff_ffff_f000L, 0x7fff_ffff_ffffL, GuardedMemory.BASE, Window.STRUCT.end() - 1
    };

    private final KvmPath path;
    private final Listener listener;
    private final GuardedMemory memory = GuardedMemory.get();
    private final Map<Kind, List<IoctlTable.Row>> rows = new EnumMap<>(Kind.class);
    private final boolean arm, runs;

    /** @param runs whether KVM_RUN may be called */
    public IoctlScript(KvmPath path, IoctlTable table, boolean arm, boolean runs, Listener listener) {
        this.path = path;
        this.arm = arm;
        this.runs = runs;
        this.listener = listener;
        for (Kind k : Kind.values()) rows.put(k, new ArrayList<>());
        for (IoctlTable.Row r : table.all()) {
            List<IoctlTable.Row> of = rows.get(r.kind());
            if (of != null) of.add(r);
        }
        for (List<IoctlTable.Row> of : rows.values()) of.sort(Comparator.comparingInt(IoctlTable.Row::number));
    }

    /** Does what the bytes say. */
    public void run(Input in) {
        memory.clear();
        prepare(in.u8());
        for (int n = 0; n < OPS_MAX && !in.isEmpty(); n++) one(in);
    }

    /** A VM, memory, vCPUs and their interrupt controller as far as {@code what} has bits: the way in is not to be guessed. */
    private void prepare(int what) {
        if ((what & 1) != 0) return;
        call(0, CREATE_VM, 0);
        if ((what & 2) == 0) slot(0, 0, Window.SLOT);
        if ((what & 4) != 0 && !arm) call(1, CREATE_IRQCHIP, 0);
        if ((what & 4) != 0 && arm) {
            struct(12, 0, 4, 7);
            call(1, CREATE_DEVICE, Window.STRUCT.address());
        }
        for (int id = 0; id < ((what & 8) == 0 ? 1 : 2); id++) {
            if (call(1, CREATE_VCPU, id) != KvmPath.MADE) continue;
            if (arm) init(path.files() - 1, what >>> 4);
        }
    }

    private void slot(int id, long gpa, Window w) {
        struct(32, 0, 4, id);
        memory.put(Window.STRUCT.address() + 8, 8, gpa);
        memory.put(Window.STRUCT.address() + 16, 8, w.size());
        memory.put(Window.STRUCT.address() + 24, 8, w.address());
        call(1, SET_REGION, Window.STRUCT.address());
    }

    private void init(int vcpu, int features) {
        call(1, ARM_TARGET, Window.STRUCT.address());
        // PSCI 0.2, PMU, SVE: bits 2, 3 and 4 of features[0].
        memory.put(Window.STRUCT.address() + 4, 4, 4 | (features & 1) << 3 | (features >> 1 & 1) << 4);
        call(vcpu, ARM_INIT, Window.STRUCT.address());
        struct(4, 0, 4, 4);
        if ((features & 2) != 0) call(vcpu, ARM_FINALIZE, Window.STRUCT.address());
    }

    private void struct(int size, int at, int bytes, long value) {
        for (int i = 0; i < size; i += 4) memory.put(Window.STRUCT.address() + i, 4, 0);
        memory.put(Window.STRUCT.address() + at, bytes, value);
    }

    private long call(int file, int command, long argument) {
        if (path.kind(file) == Kind.VCPU && command == RUN && !runs) return 0;
        if (path.files() >= FILES_MAX) return Errno.EMFILE;
        listener.before(file, command, argument);
        long r = path.ioctl(file, command, argument);
        listener.after(file, command, argument, r);
        return r;
    }

    private void one(Input in) {
        int op = in.u8(), file = in.u8() % path.files();
        if (op < 0xc0) known(in, file);
        else if (op < 0xd0) call(file, in.u32(), argument(in, 64));
        else if (op < 0xd8) path.close(file);
        else if (op < 0xe0) path.page(file, (int) in.number(2) % 0x900, in.u64());
        else if (op < 0xe8) memory.put(Window.SLOT.address() + in.number(2) % (Window.SLOT.size() - 8), 8, in.u64());
        else if (path.kind(file) == Kind.VCPU) call(file, RUN, 0);
    }

    private void known(Input in, int file) {
        List<IoctlTable.Row> of = rows.getOrDefault(path.kind(file), List.of());
        int nr = in.u8();
        if (of.isEmpty()) return;
        IoctlTable.Row row = of.get(nr % of.size());
        for (IoctlTable.Row r : of)
            if ((r.number() & 0xff) == nr) {
                row = r;
                break;
            }
        call(file, row.number(), argument(in, row.number() >>> 16 & 0x3fff));
    }

    private long argument(Input in, int size) {
        int mode = in.u8();
        Window w = Window.STRUCT;
        long at = switch (mode & 7) {
            case 0 -> Window.STRUCT.end() - Math.clamp(size, 1, w.size());
            case 1 -> Window.STRUCT.end() - Math.clamp(size, 2, w.size()) + 1;
            default -> w.address();
        };
        switch (mode & 7) {
            case 2 -> {
                return in.number(1);
            }
            case 3 -> {
                return in.u64();
            }
            case 4 -> {
                return NONSENSE[in.u8() & 7];
            }
            default -> {}
        }
        byte[] content = in.take(in.u8());
        for (long a = at; a < Math.min(at + Math.max(size, content.length), w.end()); a++) memory.put(a, 1, 0);
        for (int i = 0; i < content.length && at + i < w.end(); i++) memory.put(at + i, 1, content[i]);
        // Pointers in structures can't be guessed either.
        int pointer = mode >>> 3 & 7;
        if (pointer != 0 && at + 8 * pointer <= w.end() - 8) {
            boolean edge = (mode & 0x40) != 0, slot = (mode & 0x80) != 0;
            Window to = slot ? Window.SMALL : Window.DATA;
            memory.put(at + 8 * pointer, 8, edge ? to.end() - 8 : to.address());
            byte[] there = in.take(in.u8());
            memory.write(edge ? to.end() - 8 : to.address(), there, 0, edge ? Math.min(8, there.length) : there.length);
        }
        return at;
    }
}
