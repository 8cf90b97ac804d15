package dev.worldswitch.explore.migrate;

import static dev.worldswitch.explore.migrate.Report.Kind.LEFT_OUT;
import static dev.worldswitch.explore.migrate.Report.Kind.MISSING;
import static dev.worldswitch.explore.migrate.Report.Kind.REFUSED;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** An x86 VMM: CPUID, then XCRs and XSAVE state, special registers, MSRs, events. */
final class X86Vmm implements Vmm {
    private static final int SUPPORTED_CPUID = 0xc008ae05, SET_CPUID2 = 0x4008ae90, MSR_INDEX_LIST = 0xc004ae02;
    private static final int GET_MSRS = 0xc008ae88, SET_MSRS = 0x4008ae89, GET_XSAVE = 0x9000aea4;
    private static final int GET_XSAVE2 = 0x9000aecf,
            SET_XSAVE = 0x5000aea5,
            GET_XCRS = 0x8188aea6,
            SET_XCRS = 0x4188aea7;
    private static final int CAP_XSAVE2 = 208, XSAVE = 4096, ENTRIES = 256, IA32_XSS = 0xda0, BV = 512;

    /** Structures that go over whole: name, get, set, size (uapi asm/kvm.h). */
    private record Whole(String name, int get, int set, int size) {}

    private static final List<Whole> WHOLE = List.of(
            new Whole("KVM_REGS", 0x8090ae81, 0x4090ae82, 144),
            new Whole("KVM_SREGS", 0x8138ae83, 0x4138ae84, 312),
            new Whole("KVM_DEBUGREGS", 0x8080aea1, 0x4080aea2, 128),
            new Whole("KVM_LAPIC", 0x8400ae8e, 0x4400ae8f, 1024),
            new Whole("KVM_MP_STATE", 0x8004ae98, 0x4004ae99, 4),
            new Whole("KVM_VCPU_EVENTS", 0x8040ae9f, 0x4040aea0, 64));

    @Override
    public List<String[]> orders() {
        return List.of(
                new String[] {
                    Migration.DOCUMENTED, "CPUID, XCRs, KVM_GET_XSAVE2, registers, every MSR of the index list"
                },
                new String[] {"legacy-xsave", "KVM_GET_XSAVE and its 4096 bytes (cloud-hypervisor, 5800)"},
                new String[] {"no-xss", "IA32_XSS missing from the VMM's MSR list (Firecracker, pull 5972)"});
    }

    @Override
    public List<Item> save(Host source, String order, Report report) {
        List<Item> state = new ArrayList<>();
        state.add(new Item("CPUID", -1, supported(source)));
        install(source, state.getFirst().value());
        give(source);
        state.add(new Item("XCRS", -1, read(source, GET_XCRS, 392)));
        if (!order.equals("legacy-xsave")) state.add(new Item("XSAVE", -1, xsave(source)));
        else legacyXsave(source, state, report);
        for (Whole w : WHOLE) state.add(new Item(w.name, -1, read(source, w.get, w.size)));
        for (int index : msrs(source)) {
            if (index == IA32_XSS && order.equals("no-xss")) {
                report.add(LEFT_OUT, "MSR IA32_XSS", "supervisor state comes back with the wrong layout");
                continue;
            }
            byte[] v = msr(source, index);
            if (v != null) state.add(new Item(msrName(index), index & 0xffffffffL, v));
        }
        return state;
    }

    private static void legacyXsave(Host source, List<Item> state, Report report) {
        long r = source.vcpu(GET_XSAVE, source.buffer);
        if (r == 0) state.add(new Item("XSAVE", -1, source.bytes(source.buffer, XSAVE)));
        else
            report.add(
                    REFUSED,
                    "XSAVE",
                    "KVM_GET_XSAVE answers " + Errors.name(r) + ": the state has " + source.extension(CAP_XSAVE2)
                            + " bytes, KVM_GET_XSAVE2 gives them");
    }

    /** All user components in use, with bytes of their own. */
    private static void give(Host source) {
        byte[] xcrs = read(source, GET_XCRS, 392);
        long xcr0 = cpuid(source, 0xd, 0);
        for (int b = 0; b < 8; b++) xcrs[16 + b] = (byte) (xcr0 >>> 8 * b);
        source.put(source.buffer, xcrs);
        source.vcpu(SET_XCRS, source.buffer);
        byte[] image = xsave(source);
        byte[] v = Migration.pattern(5, image.length);
        // XMM and what comes after the header; x87, MXCSR and the header have rules of their own.
        System.arraycopy(v, 160, image, 160, 256);
        for (int i = BV + 64; i < image.length; i++) image[i] = v[i];
        for (int b = 0; b < 8; b++) image[BV + b] = (byte) (xcr0 >>> 8 * b);
        source.put(source.buffer, image);
        source.vcpu(SET_XSAVE, source.buffer);
    }

    private static long cpuid(Host host, int leaf, int subleaf) {
        long n = entries(host);
        for (int i = 0; i < n; i++) {
            long at = host.buffer + 8 + 40L * i;
            if (host.get(at, 4) == leaf && host.get(at + 4, 4) == subleaf)
                return host.get(at + 12, 4) | host.get(at + 24, 4) << 32;
        }
        return 3;
    }

    private static long entries(Host host) {
        host.set(host.buffer, 8, ENTRIES);
        long r = host.kvm(SUPPORTED_CPUID, host.buffer);
        if (r < 0) throw new IllegalStateException("KVM_GET_SUPPORTED_CPUID: " + Errors.name(r));
        return host.get(host.buffer, 4);
    }

    private static byte[] supported(Host host) {
        return host.bytes(host.buffer, (int) (8 + 40 * entries(host)));
    }

    private static void install(Host host, byte[] cpuid) {
        host.put(host.buffer, cpuid);
        host.mustVcpu("KVM_SET_CPUID2", SET_CPUID2, host.buffer);
    }

    private static byte[] read(Host host, int command, int size) {
        host.mustVcpu("ioctl 0x" + Integer.toHexString(command), command, host.buffer);
        return host.bytes(host.buffer, size);
    }

    private static byte[] xsave(Host host) {
        int size = (int) Math.max(XSAVE, host.extension(CAP_XSAVE2));
        for (int i = 0; i < size; i += 8) host.set(host.buffer + i, 8, 0);
        return read(host, GET_XSAVE2, size);
    }

    private static List<Integer> msrs(Host host) {
        host.set(host.buffer, 4, 1024);
        long r = host.kvm(MSR_INDEX_LIST, host.buffer);
        if (r < 0) throw new IllegalStateException("KVM_GET_MSR_INDEX_LIST: " + Errors.name(r));
        List<Integer> all = new ArrayList<>();
        for (int i = 0; i < host.get(host.buffer, 4); i++) all.add((int) host.get(host.buffer + 4 + 4L * i, 4));
        return all;
    }

    private static byte @org.jspecify.annotations.Nullable [] msr(Host host, int index) {
        host.set(host.buffer, 8, 1);
        host.set(host.buffer + 8, 8, index & 0xffffffffL);
        return host.vcpu(GET_MSRS, host.buffer) == 1 ? host.bytes(host.buffer + 16, 8) : null;
    }

    private static String msrName(int index) {
        return "MSR 0x" + Integer.toHexString(index);
    }

    @Override
    public void restore(Host to, List<Item> state, String order, Report report) {
        Item cpuid = state.getFirst();
        offered(to, cpuid.value(), report);
        to.put(to.buffer, cpuid.value());
        long r = to.vcpu(SET_CPUID2, to.buffer);
        if (r < 0) report.add(REFUSED, "CPUID", "KVM_SET_CPUID2 answers " + Errors.name(r));
        for (Item i : state.subList(1, state.size())) {
            r = write(to, i);
            if (r < 0) report.add(REFUSED, i.name(), "answers " + Errors.name(r));
            else compare(to, i, report);
        }
    }

    /** Bits that the guest has seen and that the destination's CPU lacks. */
    private static void offered(Host to, byte[] cpuid, Report report) {
        byte[] there = supported(to);
        for (int at = 8; at < cpuid.length; at += 40) {
            long leaf = word(cpuid, at);
            if (leaf != 1 && leaf != 7 && leaf != 0xd && leaf != 0x80000001L) continue;
            for (int r = 12; r < 28; r += 4) {
                if (leaf == 1 && r < 20 || leaf == 0xd && (word(cpuid, at + 4) > 1 || r == 16 || r == 20)) continue;
                if (leaf == 7 && r == 12) continue;
                long lacks = word(cpuid, at + r) & ~find(there, leaf, word(cpuid, at + 4), r);
                if (lacks != 0)
                    report.add(
                            MISSING,
                            "CPUID 0x" + Long.toHexString(leaf) + "." + word(cpuid, at + 4) + " e"
                                    + "abcd".charAt((r - 12) / 4) + "x",
                            "bits 0x" + Long.toHexString(lacks) + " are not offered");
            }
        }
    }

    private static long word(byte[] b, int at) {
        return (b[at] & 0xff) | (b[at + 1] & 0xff) << 8 | (b[at + 2] & 0xff) << 16 | (b[at + 3] & 0xffL) << 24;
    }

    private static long find(byte[] cpuid, long leaf, long subleaf, int r) {
        for (int at = 8; at < cpuid.length; at += 40)
            if (word(cpuid, at) == leaf && word(cpuid, at + 4) == subleaf) return word(cpuid, at + r);
        return 0;
    }

    private static long write(Host to, Item i) {
        if (i.id() >= 0) {
            to.set(to.buffer, 8, 1);
            to.set(to.buffer + 8, 8, i.id());
            to.put(to.buffer + 16, i.value());
            return to.vcpu(SET_MSRS, to.buffer) == 1 ? 0 : -22;
        }
        to.put(to.buffer, i.value());
        return to.vcpu(command(i.name(), true), to.buffer);
    }

    private static int command(String name, boolean set) {
        for (Whole w : WHOLE) if (w.name.equals(name)) return set ? w.set : w.get;
        return switch (name.toUpperCase(Locale.ROOT)) {
            case "XCRS" -> set ? SET_XCRS : GET_XCRS;
            case "XSAVE" -> set ? SET_XSAVE : GET_XSAVE2;
            default -> throw new IllegalArgumentException(name);
        };
    }

    private static void compare(Host to, Item i, Report report) {
        if (i.id() >= 0) {
            byte[] now = msr(to, (int) i.id());
            if (now == null) report.add(MISSING, i.name(), "KVM_GET_MSRS does not know it");
            else Migration.compare(i, now, report);
        } else if (i.name().equals("XSAVE")) {
            byte[] now = java.util.Arrays.copyOf(xsave(to), i.value().length);
            Migration.compare(i, now, report);
        } else Migration.compare(i, read(to, command(i.name(), false), i.value().length), report);
    }
}
