package dev.worldswitch.kvm.arm64;

import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.IoctlTable;
import dev.worldswitch.kvm.KvmFile;
import dev.worldswitch.kvm.arm64.SysRegTable.Row;
import dev.worldswitch.machine.arm64.Arm64Exit;
import dev.worldswitch.machine.arm64.SysReg;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/** Everything that a client and its guest can ask of one kernel, as lines of text. */
final class ClientView {
    private static final int CREATE_DEVICE = IoctlTable.iowr(0xe0, 12),
            VGIC_V3 = 7,
            ITS = 8,
            ENABLE_CAP = IoctlTable.iow(0xa3, 104);
    private static final int HAS_ATTR = IoctlTable.iow(0xe3, 24), SET_ATTR = IoctlTable.iow(0xe1, 24);
    private static final int SET_COUNTER_OFFSET = IoctlTable.iow(0xb5, 16),
            GET_WRITABLE_MASKS = IoctlTable.ior(0xb6, 64);
    private static final int CHECK_EXTENSION = 0xae03, CREATE_VCPU = 0xae41, LAST_CAPABILITY = 260;
    private static final long BODY = TestClient.BASE + 0x2000;

    private final TestClient c;
    private final List<String> lines = new ArrayList<>();

    private ClientView(String machine, KernelVersion kernel) {
        this.c = new TestClient(machine, kernel);
    }

    static List<String> of(String machine, KernelVersion kernel) {
        ClientView v = new ClientView(machine, kernel);
        v.vm();
        v.devices();
        Vcpu vcpu = v.c.fullVcpu();
        v.features();
        v.guest(vcpu);
        v.guest(v.c.vcpu(VcpuFeature.PSCI_0_2));
        v.registers(vcpu);
        v.registers(vcpu);
        v.attributes(vcpu);
        v.afterRun(v.c.fullVcpu());
        return v.lines;
    }

    private void line(String what, Object... value) {
        lines.add(what + " " + List.of(value));
    }

    private void vm() {
        Vm vm = c.newVm();
        for (long n = 0; n < LAST_CAPABILITY; n++) line("cap " + n, c.ioctl(c.kvm(), CHECK_EXTENSION, n));
        for (long n = 0; n < LAST_CAPABILITY; n++) line("vm cap " + n, c.ioctl(vm, CHECK_EXTENSION, n));
        for (int n = 0; n < LAST_CAPABILITY; n++)
            line("enable " + n, c.ioctl(vm, ENABLE_CAP, new Bytes(104).u32(0, n)));
        line("52 bits", vm.accessOk(1L << 50, 8));
        line("vcpu 1 << 32", c.ioctl(vm, CREATE_VCPU, 1L << 32));
        line("counter offset", c.ioctl(vm, SET_COUNTER_OFFSET, new Bytes(16)));
        line("masks", c.ioctl(vm, GET_WRITABLE_MASKS, new Bytes(64).u64(0, BODY)));
        byte[] masks = new byte[3 * 64 * 8];
        c.read(BODY, masks, 0, masks.length);
        line("masks", new java.math.BigInteger(masks).toString(16));
    }

    private void devices() {
        Vm vm = c.newVm();
        attributes("vgic", device(vm, VGIC_V3), 12);
        KvmFile its = device(vm, ITS);
        attributes("its", its, 12);
        for (int a = 0; a < 6; a++) line("its control " + a, c.ioctl(its, SET_ATTR, attribute(4, a)));
    }

    private KvmFile device(Vm vm, int type) {
        byte[] argument = new Bytes(12).u32(0, type).array();
        c.write(TestClient.BASE, argument, 0, argument.length);
        KvmFile.Made made = new KvmFile.Made();
        vm.ioctl(c, CREATE_DEVICE, TestClient.BASE, made);
        return Objects.requireNonNull(made.file);
    }

    private void attributes(String of, KvmFile file, int groups) {
        for (int group = 0; group < groups; group++)
            for (long a = 0; a < 6; a++)
                line(of + " attribute " + group + " " + a, c.ioctl(file, HAS_ATTR, attribute(group, a)));
    }

    private static Bytes attribute(int group, long number) {
        return new Bytes(24).u32(4, group).u64(8, number).u64(16, BODY);
    }

    private void features() {
        for (SysReg r : SysReg.values())
            line("fields " + r, c.kvm().host().fields().of(r));
    }

    /** What KVM does when the guest writes ones and zero to each register and reads it. */
    private void guest(Vcpu v) {
        line("hcr", VcpuReset.hcr(v));
        for (Row r : c.kvm().sysRegs().rows()) {
            if (r.name().startsWith("ICC_")) continue;
            for (int step = 0; step < 4; step++) {
                v.fault().set(0, 0x6200_0000);
                long value = r.hidden(v) ? -2 : r.access().access(v, r, step % 2 == 0, step == 0 ? 0xffff_ffffL : 0);
                boolean exception = v.is(Vcpu.PENDING_EXCEPTION);
                line("guest " + r.name(), step, value, exception, exception ? v.sys(SysReg.ESR_EL1) : 0);
                v.flags().clearBits(Vcpu.PENDING_EXCEPTION);
            }
        }
    }

    private void registers(Vcpu v) {
        for (long id : RegList.ids(v)) {
            byte[] was = new byte[OneReg.sizeOf(id)], is = was.clone(), ones = was.clone();
            java.util.Arrays.fill(ones, (byte) -1);
            c.get(v, id, was);
            long r = c.set(v, id, ones);
            c.get(v, id, is);
            line(Long.toHexString(id), hex(was), r, hex(is), c.set(v, id, new byte[was.length]));
        }
    }

    private static String hex(byte[] b) {
        return java.util.HexFormat.of().formatHex(b);
    }

    private void attributes(Vcpu v) {
        attributes("vcpu", v, 4);
        attributes("vm", v.vm(), 2);
        for (int type = 8; type < 10; type++) {
            byte[] b = new Bytes(4).u32(0, type).array();
            c.write(BODY, b, 0, b.length);
            line("pmu " + type, c.ioctl(v, SET_ATTR, attribute(0, 3)));
        }
    }

    private void afterRun(Vcpu v) {
        c.ioctl(v, SET_ATTR, attribute(0, 1));
        v.guestCode(cpu -> {
            line("interface", cpu.sys().get(SysReg.ICH_HCR_EL2.ordinal()));
            c.signal = true;
            Arm64Exit e = new Arm64Exit();
            e.kind = Arm64Exit.INTERRUPT;
            return e;
        });
        line("run", c.ioctl(v, TestClient.RUN, 0));
        c.signal = false;
        line(
                "pfr0",
                c.get64(v, OneReg.ARM64 | OneReg.U64 | (long) OneReg.SYSREG << 16 | SysReg.ID_AA64PFR0_EL1.encoding()));
    }
}
