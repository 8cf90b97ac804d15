package dev.worldswitch.kvm.arm64;

import static org.assertj.core.api.Assertions.assertThat;

import dev.worldswitch.kvm.Errno;
import dev.worldswitch.machine.arm64.SysReg;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Properties of KVM_GET_ONE_REG, KVM_SET_ONE_REG and KVM_GET_REG_LIST on every machine and kernel. */
class OneRegTest {
    private static byte[] read(TestClient c, Vcpu v, long id) {
        byte[] b = new byte[OneReg.sizeOf(id)];
        assertThat(c.get(v, id, b)).as("get %x", id).isZero();
        return b;
    }

    private static boolean moves(long id) {
        long e = id & 0xffff;
        boolean sysreg = (id & OneReg.COPROC_MASK) >>> 16 == OneReg.SYSREG;
        return sysreg
                && (e == TimerRegs.swap(SysReg.CNTVCT_EL0.encoding())
                        || e == SysReg.CNTPCT_EL0.encoding()
                        || e == SysReg.PMCCNTR_EL0.encoding());
    }

    @ParameterizedTest(name = "{0} on {1}")
    @MethodSource("dev.worldswitch.kvm.arm64.OneRegIdentityTest#everyMachineAndKernel")
    void everyListedRegisterCanBeReadAndSetBackWithoutChangingAny(String machine, String kernel) {
        TestClient c = new TestClient(machine, kernel);
        Vcpu v = c.fullVcpu();
        List<Long> ids = RegList.ids(v);
        assertThat(new HashSet<>(ids)).hasSameSizeAs(ids);
        List<byte[]> before = ids.stream().map(id -> read(c, v, id)).toList();
        for (int i = 0; i < ids.size(); i++) {
            long id = ids.get(i);
            if (id == OneReg.VLS) continue;
            assertThat(c.set(v, id, before.get(i))).as("set back %x", id).isZero();
        }
        // Writing back a CLR register clears what it read: its twin is judged on kernels where both are plain.
        boolean plainPmu = !kernel.equals("6.12");
        for (int i = 0; i < ids.size(); i++) {
            long id = ids.get(i);
            boolean pmuMask = (id & OneReg.COPROC_MASK) >>> 16 == OneReg.SYSREG && isPmuMask((int) (id & 0xffff));
            if (moves(id) || pmuMask && !plainPmu) continue;
            assertThat(read(c, v, id)).as("%x", id).isEqualTo(before.get(i));
        }
    }

    private static boolean isPmuMask(int encoding) {
        SysReg r = SysReg.find(encoding);
        return r != null && r.name().matches("PM(CNTEN|INTEN|OVS)(SET|CLR)_EL.");
    }

    @ParameterizedTest(name = "{0} on {1}")
    @MethodSource("dev.worldswitch.kvm.arm64.OneRegIdentityTest#everyMachineAndKernel")
    void vectorsAndGeneralRegistersKeepEveryBitAndPadWithZeros(String machine, String kernel) {
        TestClient c = new TestClient(machine, kernel);
        Vcpu v = c.fullVcpu();
        int vl = 16 * (int) v.sveMaxVq().get();
        Random random = new Random(7);
        for (long id : RegList.ids(v)) {
            int kind = (int) ((id & OneReg.COPROC_MASK) >>> 16);
            if (kind != OneReg.SVE && kind != OneReg.CORE || id == OneReg.VLS) continue;
            if (kind == OneReg.CORE && (id & 0xffff) == 66) continue;
            byte[] value = new byte[OneReg.sizeOf(id)];
            random.nextBytes(value);
            assertThat(c.set(v, id, value)).isZero();
            int kept = kind == OneReg.CORE ? value.length : value.length == 256 ? vl : vl / 8;
            Arrays.fill(value, kept, value.length, (byte) 0);
            assertThat(read(c, v, id)).as("%x", id).isEqualTo(value);
        }
    }

    @ParameterizedTest(name = "{0} on {1}")
    @MethodSource("dev.worldswitch.kvm.arm64.OneRegIdentityTest#everyMachineAndKernel")
    void anIdIsListedOrRefusedAndNoneOfAll64BitsDoesHarm(String machine, String kernel) {
        TestClient c = new TestClient(machine, kernel);
        Vcpu v = c.fullVcpu();
        Set<Long> listed = new HashSet<>(RegList.ids(v));
        Random random = new Random(11);
        List<Long> good = listed.stream().sorted().toList();
        byte[] before = state(v);
        byte[] value = new byte[2048];
        random.nextBytes(value);
        for (int i = 0; i < 8_000; i++) {
            long id = candidate(random, good);
            if (OneReg.sizeOf(id) > 2048) continue;
            long got = c.get(v, id, new byte[OneReg.sizeOf(id)]);
            assertThat(got == 0).as("%x is listed", id).isEqualTo(listed.contains(id));
            assertThat(got).isIn(0L, Errno.EINVAL, Errno.ENOENT);
            if (listed.contains(id)) continue;
            assertThat(c.set(v, id, value)).as("%x", id).isIn(Errno.EINVAL, Errno.ENOENT);
        }
        assertThat(state(v)).isEqualTo(before);
    }

    @Test
    void offsetsAndSizesAtTheEndOfTheirSpaceNeverWrapIntoAnotherRegister() {
        TestClient c = new TestClient("max", "6.12");
        Vcpu v = c.fullVcpu();
        byte[] before = state(v), value = new byte[1 << 15];
        Arrays.fill(value, (byte) 0x5a);
        for (int coproc = 0; coproc < 0x1000; coproc++)
            for (long low :
                    new long[] {0, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0x3ff, 0x5ff, 0x600, 0x61f, 0x620, 0xffff, 0xf000_ffff
                    })
                for (long size = 0; size < 16; size++) {
                    long id = OneReg.ARM64 | size << 52 | (long) coproc << 16 | low;
                    if (OneReg.value(v, id) == null)
                        assertThat(OneReg.set(v, id, value)).as("%x", id).isIn(Errno.EINVAL, Errno.ENOENT);
                }
        assertThat(state(v)).isEqualTo(before);
    }

    /** Wild ids, and neighbours of good ones: one bit or the size changed. */
    private static long candidate(Random random, List<Long> good) {
        if (random.nextInt(4) == 0) return random.nextLong();
        int coproc = random.nextInt(0x20);
        long id = OneReg.ARM64 | (long) random.nextInt(10) << 52 | (long) coproc << 16 | random.nextInt(0x10000);
        if (random.nextInt(3) == 0) id = good.get(random.nextInt(good.size())) ^ 1L << random.nextInt(64);
        return id;
    }

    private static byte[] state(Vcpu v) {
        StringBuilder s = new StringBuilder();
        for (long id : RegList.ids(v)) if (!moves(id)) s.append(Arrays.toString(OneReg.value(v, id)));
        return s.toString().getBytes(java.nio.charset.StandardCharsets.UTF_8);
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource({"6.1", "6.12", "6.18", "7.2"})
    void pointersThatCanNotBeReadOrWrittenGiveEfaultAndChangeNothing(String kernel) {
        TestClient c = new TestClient("max", kernel);
        Vcpu v = c.fullVcpu();
        byte[] before = state(v);
        for (long id : RegList.ids(v)) {
            if (id == OneReg.VLS) continue;
            var args = new dev.worldswitch.kvm.Bytes(16).u64(0, id).u64(8, 8);
            assertThat(c.ioctl(v, TestClient.GET_ONE_REG, args))
                    .as("get %x", id)
                    .isEqualTo(Errno.EFAULT);
            assertThat(c.ioctl(v, TestClient.SET_ONE_REG, args))
                    .as("set %x", id)
                    .isEqualTo(Errno.EFAULT);
        }
        assertThat(state(v)).isEqualTo(before);
    }
}
