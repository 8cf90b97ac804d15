package dev.worldswitch.fuzz;

import dev.worldswitch.fuzz.GuardedMemory.Window;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.IoctlTable;
import dev.worldswitch.machine.MachineProfile;
import java.io.ByteArrayOutputStream;
import java.util.Locale;
import java.util.Set;
import java.util.SplittableRandom;

/**
 * Random calls, valid and not, without KVM_RUN, on one way to KVM: a line for each call, for tools/check-differential to compare with
 * those of another way. Arguments: {@code inside MACHINE KERNEL} or {@code calls MACHINE KERNEL}, then the first and the last seed.
 */
public final class Differential {
    /** Time, or what a real process has otherwise: KVM_GET_CLOCK, KVM_GET_MSRS, KVM_GET_PIT2, KVM_GET_TSC_KHZ, KVM_GET_ONE_REG. */
    private static final Set<Integer> VOLATILE = Set.of(0x7c, 0x88, 0x9f, 0xa3, 0xab);
    /** A number of a descriptor may be one that is open and of another kind: KVM_IRQFD, KVM_IOEVENTFD, KVM_SET_DEVICE_ATTR. */
    private static final Set<Integer> DESCRIPTORS = Set.of(0x76, 0x79, 0xe1);

    private static final int TSC_KHZ = 0xa3;

    private Differential() {}

    public static void main(String[] args) {
        boolean inside = args[0].equals("inside");
        InProcess table = new InProcess(args[1], args[2]);
        boolean arm = MachineProfile.builtIn(args[1]).arch().equals("arm64");
        SystemCalls calls = inside ? null : new SystemCalls();
        long last = Long.parseLong(args[4]);
        for (long seed = Long.parseLong(args[3]); seed <= last; seed++) {
            InProcess own = new InProcess(args[1], args[2]).plainProcess();
            KvmPath path = calls == null ? own : calls;
            System.out.println("seed " + seed);
            IoctlTable ioctls = table.host().ioctls();
            new IoctlScript(path, ioctls, arm, false, new Printer(path, ioctls)).run(new Input(script(seed)));
            if (calls != null) calls.closeAll();
        }
    }

    private record Printer(KvmPath path, IoctlTable table) implements IoctlScript.Listener {
        @Override
        public void after(int file, int command, long argument, long answer) {
            int nr = command & 0xff;
            IoctlTable.Row row = table.find(path.kind(file), command);
            GuardedMemory m = GuardedMemory.get();
            long told = nr == TSC_KHZ && answer > 0 ? 1 : answer;
            if (DESCRIPTORS.contains(nr) && answer == Errno.EBADF) told = Errno.EINVAL;
            // What a copy that faults has written before is anybody's guess.
            if (VOLATILE.contains(nr) || answer == Errno.EFAULT) {
                for (long a = Window.STRUCT.address(); a < Window.DATA.end(); a += 8)
                    if (m.holds(a, 8, true)) m.put(a, 8, 0);
            }
            System.out.printf(
                    Locale.ROOT,
                    "%d %s 0x%x: %s %x%n",
                    file,
                    row == null ? "0x" + Integer.toHexString(command) : row.name(),
                    argument,
                    told == KvmPath.MADE ? "file" : Long.toString(told),
                    m.hash(Window.STRUCT) ^ m.hash(Window.DATA));
        }
    }

    private static final int[] LENGTHS = {0, 4, 8, 16, 24, 32, 64, 120}, BYTES = {0, 0, 0, 1, 2, 4, 8, 16, 0x80, 0xff};
    private static final int[] MODES = {5, 6, 7, 0x0d, 0x1d, 0x15, 0x25, 2, 2, 3, 0, 1, 4};

    /** The bytes of a seed: mostly calls of known ioctls on the descriptors there are. */
    static byte[] script(long seed) {
        SplittableRandom r = new SplittableRandom(seed);
        ByteArrayOutputStream b = new ByteArrayOutputStream();
        b.write(r.nextInt(16) << 2 & 0x3e);
        for (int n = 4 + r.nextInt(20); n > 0; n--) {
            int op = r.nextInt(10) == 0 ? 0xc0 + r.nextInt(0x30) : 0;
            b.write(op);
            b.write(r.nextInt(4));
            if (op != 0) {
                for (int i = 0; i < 10; i++) b.write(r.nextInt(256));
                continue;
            }
            b.write(r.nextInt(256));
            b.write(MODES[r.nextInt(MODES.length)]);
            int length = LENGTHS[r.nextInt(LENGTHS.length)];
            b.write(length);
            for (int i = 0; i < length; i++)
                b.write(r.nextInt(8) == 0 ? r.nextInt(256) : BYTES[r.nextInt(BYTES.length)]);
            b.write(r.nextInt(30));
        }
        return b.toByteArray();
    }
}
