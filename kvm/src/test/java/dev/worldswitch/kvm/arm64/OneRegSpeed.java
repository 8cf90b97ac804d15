package dev.worldswitch.kvm.arm64;

import dev.worldswitch.kvm.Bytes;
import java.util.List;

/** KVM_GET_ONE_REG and KVM_SET_ONE_REG of an in-process client, calls a second; run by bench/one-reg. */
final class OneRegSpeed {
    private static final int CALLS = 3_000_000;

    private OneRegSpeed() {}

    public static void main(String[] args) {
        TestClient c = new TestClient("max", "6.12");
        Vcpu v = c.vcpu(VcpuFeature.PSCI_0_2 | VcpuFeature.SVE | VcpuFeature.PTRAUTH);
        List<Long> ids = RegList.ids(v).stream().filter(id -> id != OneReg.VLS).toList();
        long core = ids.stream()
                .filter(id -> (id & OneReg.COPROC_MASK) >>> 16 == OneReg.CORE)
                .findFirst()
                .orElseThrow();
        for (int round = 0; round < 3; round++) {
            String when = round < 2 ? "warming up: " : "";
            report(when + "get x0", c, v, List.of(core), TestClient.GET_ONE_REG);
            report(when + "set x0", c, v, List.of(core), TestClient.SET_ONE_REG);
            report(when + "get each of " + ids.size(), c, v, ids, TestClient.GET_ONE_REG);
            report(when + "set each of " + ids.size(), c, v, ids, TestClient.SET_ONE_REG);
        }
    }

    private static void report(String what, TestClient c, Vcpu v, List<Long> ids, int number) {
        long value = TestClient.BASE + 0x8000;
        for (int i = 0; i < ids.size(); i++) {
            Bytes reg = new Bytes(16).u64(0, ids.get(i)).u64(8, value);
            value += OneReg.sizeOf(ids.get(i));
            c.write(TestClient.BASE + 16L * i, reg.array(), 0, 16);
            // What is set is what was got.
            c.ioctl(v, TestClient.GET_ONE_REG, TestClient.BASE + 16L * i);
        }
        long start = System.nanoTime(), failed = 0;
        for (int n = 0, i = 0; n < CALLS; n++) {
            if (c.ioctl(v, number, TestClient.BASE + 16L * i) != 0) failed++;
            if (++i == ids.size()) i = 0;
        }
        double seconds = (System.nanoTime() - start) / 1e9;
        System.out.printf("%-34s %6.2f million a second, %d refused%n", what, CALLS / seconds / 1e6, failed);
    }
}
