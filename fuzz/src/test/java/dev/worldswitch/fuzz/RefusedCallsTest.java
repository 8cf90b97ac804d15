package dev.worldswitch.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import dev.worldswitch.fuzz.GuardedMemory.Window;
import dev.worldswitch.kvm.IoctlTable;
import dev.worldswitch.machine.MachineProfile;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Every ioctl of both architectures but KVM_RUN, on every kind of file there is, with arguments that are nearly right: a call that is
 * refused leaves every cell as it was.
 */
class RefusedCallsTest {
    private static final int RUN = IoctlTable.io(0x80), RANDOM = 60, FILES_MAX = 40;
    private static final GuardedMemory MEMORY = GuardedMemory.get();
    private static final long AT = Window.STRUCT.address();
    private static final long[] NUMBERS = {0, 1, 2, 3, 7, 64, 4096, 0x7fff_ffffL, 0x8000_0000L, -1, Long.MIN_VALUE};
    private static final int[] WORDS = {1, 2, 16, 0x1000, 0x7fff_ffff, 0x8000_0000, -1};
    private static final int[] BYTES = {0, 0, 0, 0, 1, 1, 2, 4, 8, 16, 0x80, 0xff};

    /** Where KVM itself has done a part when it finds out: ioctl and errno, and why. */
    private static final Map<String, String> HALF_DONE =
            Map.of("KVM_SET_TSC_KHZ -22", "kvm_set_tsc_khz notes the rate before it finds that it can't be had");

    private final Map<String, String> found = new TreeMap<>();
    private final Map<String, Integer> refused = new TreeMap<>();
    private final Set<String> suspects = new HashSet<>();
    private int calls;

    private InProcess host = new InProcess("skylake-server", "6.12");
    private String machine = "", kernel = "";
    private int prepared;

    @ParameterizedTest
    @CsvSource({
        "skylake-server, 6.12",
        "sapphire-rapids, 6.1",
        "conformance-svm, 6.18",
        "max, 6.12",
        "neoverse-v1, 6.1",
        "neoverse-n1, 6.18"
    })
    void a_refused_call_changes_nothing(String onMachine, String onKernel) {
        machine = onMachine;
        kernel = onKernel;
        fresh();
        List<IoctlTable.Row> rows = host.host().ioctls().all().stream()
                .filter(r -> r.number() != RUN)
                .sorted(Comparator.comparing(IoctlTable.Row::kind).thenComparing(IoctlTable.Row::number))
                .toList();
        for (IoctlTable.Row row : rows) {
            SplittableRandom random = new SplittableRandom(row.number());
            for (int file = 0; file < prepared; file++) {
                if (host.kind(file) != row.kind()) continue;
                numbers(row, file);
                int size = row.number() >>> 16 & 0x3fff;
                if (size > 0) structs(row, file, Math.min(size, Window.STRUCT.size() - 8), random);
                fresh();
            }
        }
        System.out.println(machine + " " + kernel + ": " + rows.size() + " ioctls, " + calls + " calls, refused "
                + refused.values().stream().mapToInt(n -> n).sum() + ", never refused "
                + rows.stream()
                        .map(IoctlTable.Row::name)
                        .filter(n -> !refused.containsKey(n))
                        .sorted()
                        .distinct()
                        .toList());
        assertThat(found).isEmpty();
    }

    /** A host with a VM of two vCPUs, with what makes most calls possible. */
    private void fresh() {
        host.closeAll();
        host = new InProcess(machine, kernel);
        MEMORY.clear();
        boolean arm = MachineProfile.builtIn(machine).arch().equals("arm64");
        new IoctlScript(host, host.host().ioctls(), arm, false, new IoctlScript.Listener() {})
                .run(new Input(new byte[] {(byte) (arm ? 0x3c : 0x0c)}));
        prepared = host.files();
    }

    private void numbers(IoctlTable.Row row, int file) {
        for (long n : NUMBERS) {
            MEMORY.clear();
            one(row, file, n);
        }
        // The last byte of the argument is not there any more, and what can't be written.
        int size = Math.clamp(row.number() >>> 16 & 0x3fff, 2, Window.STRUCT.size());
        one(row, file, Window.STRUCT.end() - size + 1);
        one(row, file, Window.READONLY.address());
    }

    private void structs(IoctlTable.Row row, int file, int size, SplittableRandom random) {
        for (int at = 0; at < Math.min(size, 160); at += 4)
            for (int w : WORDS) {
                MEMORY.clear();
                MEMORY.put(AT + at, 4, w);
                one(row, file, AT);
            }
        for (int i = 0; i < RANDOM; i++) {
            MEMORY.clear();
            for (int at = 0; at < Math.min(size + 256, Window.STRUCT.size()); at++)
                MEMORY.put(AT + at, 1, BYTES[random.nextInt(BYTES.length)]);
            // What the kernel says now, with one byte changed.
            if (i % 2 == 0) {
                IoctlTable.Row get = getter(row);
                if (get != null) host.ioctl(file, get.number(), AT);
                MEMORY.put(AT + random.nextInt(size), 1, random.nextInt(256));
            }
            if (i % 3 == 0 && size >= 8)
                MEMORY.put(
                        AT + 8L * random.nextInt(size / 8),
                        8,
                        i % 2 == 0 ? Window.DATA.address() : Window.DATA.end() - 8);
            one(row, file, AT);
        }
    }

    /** KVM_GET_X for KVM_SET_X. */
    private IoctlTable.@org.jspecify.annotations.Nullable Row getter(IoctlTable.Row row) {
        String name = row.name().replaceFirst("SET_", "GET_");
        if (name.equals(row.name())) return null;
        for (IoctlTable.Row r : host.host().ioctls().all())
            if (r.kind() == row.kind() && r.name().equals(name)) return r;
        return null;
    }

    private void one(IoctlTable.Row row, int file, long argument) {
        if (host.files() > FILES_MAX) fresh();
        long before = host.stateHash();
        // Only after the first: to say what changes.
        Map<String, String> was = suspects.contains(row.name()) ? host.state() : Map.of();
        long answer = host.ioctl(file, row.number(), argument);
        calls++;
        if (answer >= 0 || answer == KvmPath.MADE) return;
        refused.merge(row.name(), 1, Integer::sum);
        if (host.stateHash() == before) return;
        String key = row.name() + " " + answer;
        if (HALF_DONE.containsKey(key)) return;
        suspects.add(row.name());
        found.putIfAbsent(key, "argument 0x" + Long.toHexString(argument));
        if (was.isEmpty()) return;
        Map<String, String> now = host.state();
        now.entrySet().removeIf(e -> Objects.equals(was.get(e.getKey()), e.getValue()));
        found.put(key, now.keySet().stream().limit(4).toList().toString());
    }
}
