package dev.worldswitch.explore.migrate;

import static dev.worldswitch.explore.migrate.Report.Kind.DIFFERENT;
import static dev.worldswitch.explore.migrate.Report.Kind.LEFT_OUT;
import static dev.worldswitch.explore.migrate.Report.Kind.MISSING;
import static dev.worldswitch.explore.migrate.Report.Kind.REFUSED;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** An arm64 VMM: KVM_ARM_VCPU_INIT, the vector lengths, KVM_ARM_VCPU_FINALIZE, then every register of KVM_GET_REG_LIST. */
final class Arm64Vmm implements Vmm {
    private static final int VCPU_INIT = 0x4020aeae, FINALIZE = 0x4004aec2, GET_ONE_REG = 0x4010aeab;
    private static final int SET_ONE_REG = 0x4010aeac, GET_REG_LIST = 0xc008aeb0, TARGET_GENERIC_V8 = 5;
    /** Feature bits of KVM_ARM_VCPU_INIT with the capability that announces each. */
    private static final int[][] FEATURES = {{2, 102}, {3, 126}, {4, 170}, {5, 171}, {6, 172}};

    private static final String[] FEATURE_NAMES = {"PSCI_0_2", "PMU_V3", "SVE", "PTRAUTH_ADDRESS", "PTRAUTH_GENERIC"};
    private static final int SVE = 4;
    private static final long VLS = 0x6060_0000_0015_ffffL, CORE_V0 = 0x6040_0000_0010_0054L;
    private int features;

    @Override
    public List<String[]> orders() {
        return List.of(
                new String[] {Migration.DOCUMENTED, "INIT, KVM_REG_ARM64_SVE_VLS, FINALIZE, then all registers"},
                new String[] {"finalize-first", "FINALIZE before KVM_REG_ARM64_SVE_VLS is set (Firecracker, pull 4413)"
                },
                new String[] {
                    "core-registers", "V0-V31 by their core ids, wide SVE ids dropped (cloud-hypervisor, 8057)"
                },
                new String[] {"no-sve", "never asks for KVM_ARM_VCPU_SVE (libkrun, pull 847)"});
    }

    private boolean init(Host host, int wanted) {
        host.set(host.buffer, 4, TARGET_GENERIC_V8);
        for (int i = 1; i < 8; i++) host.set(host.buffer + 4 * i, 4, i == 1 ? wanted : 0);
        return host.vcpu(VCPU_INIT, host.buffer) == 0;
    }

    private int offered(Host host, String order) {
        int all = 0;
        for (int[] f : FEATURES)
            if (host.extension(f[1]) > 0 && !(f[0] == SVE && order.equals("no-sve"))) all |= 1 << f[0];
        return all;
    }

    private void finish(Host host) {
        if ((features & 1 << SVE) == 0) return;
        host.set(host.buffer, 4, SVE);
        host.mustVcpu("KVM_ARM_VCPU_FINALIZE", FINALIZE, host.buffer);
    }

    @Override
    public List<Item> save(Host source, String order, Report report) {
        features = offered(source, order);
        if (order.equals("no-sve") && source.extension(170) > 0)
            report.add(LEFT_OUT, "SVE", "the guest has none although the machine has: its SVE programs die by SIGILL");
        if (!init(source, features)) throw new IllegalStateException("KVM_ARM_VCPU_INIT is refused on the source");
        finish(source);
        give(source);
        List<Item> state = new ArrayList<>();
        for (long id : list(source)) {
            if (order.equals("core-registers") && bytes(id) > 16) {
                report.add(LEFT_OUT, source.registerName(id), "wider than the VMM's buffer");
                continue;
            }
            state.add(new Item(source.registerName(id), id, get(source, id)));
        }
        if (order.equals("core-registers"))
            for (int n = 0; n < 32; n++) {
                long id = CORE_V0 + 4L * n, r = read(source, id);
                if (r < 0)
                    report.add(
                            REFUSED,
                            source.registerName(id),
                            "KVM_GET_ONE_REG of the core id answers " + Errors.name(r));
            }
        return state;
    }

    /** Values of its own in every general and vector register. */
    private void give(Host source) {
        int seed = 0;
        for (long id : list(source)) {
            long kind = id >>> 16 & 0xfff;
            boolean general = kind == 0x10 && (id & 0xffff) < 62,
                    vector = kind == 0x15 && id != VLS || kind == 0x10 && bytes(id) == 16;
            if (general || vector) set(source, id, Migration.pattern(++seed, bytes(id)));
        }
    }

    @Override
    public void restore(Host to, List<Item> state, String order, Report report) {
        features(to, report);
        Set<Long> refused = new HashSet<>();
        boolean early = order.equals("finalize-first");
        if (early) finish(to);
        for (Item i : state) if (i.id() == VLS) put(to, i, refused, report);
        if (!early) finish(to);
        for (Item i : state) if (i.id() != VLS) put(to, i, refused, report);
        Set<Long> has = new HashSet<>(list(to));
        for (Item i : state) {
            if (refused.contains(i.id())) continue;
            if (!has.contains(i.id())) report.add(MISSING, i.name(), "not in the destination's KVM_GET_REG_LIST");
            else Migration.compare(i, get(to, i.id()), report);
        }
        if (early) lengths(to, state, report);
    }

    /** The destination may have fewer features; the vCPU is made with those that both have. */
    private void features(Host to, Report report) {
        if (init(to, features)) return;
        int common = 0;
        for (int f = 0; f < FEATURES.length; f++) {
            if ((features >> FEATURES[f][0] & 1) == 0) continue;
            if (to.extension(FEATURES[f][1]) > 0) common |= 1 << FEATURES[f][0];
            else report.add(MISSING, "feature " + FEATURE_NAMES[f], "KVM_ARM_VCPU_INIT refuses it");
        }
        features = common;
        if (!init(to, features)) throw new IllegalStateException("KVM_ARM_VCPU_INIT is refused on the destination");
    }

    private void lengths(Host to, List<Item> state, Report report) {
        for (Item i : state)
            if (i.id() == VLS && read(to, VLS) == 0 && !i.same(get(to, VLS)))
                report.add(DIFFERENT, i.name(), "the vCPU keeps the destination's own vector lengths");
    }

    private void put(Host to, Item i, Set<Long> refused, Report report) {
        long r = set(to, i.id(), i.value());
        if (r == 0) return;
        refused.add(i.id());
        report.add(
                r == -2 ? MISSING : REFUSED,
                i.name(),
                "KVM_SET_ONE_REG answers " + Errors.name(r) + ", value " + Item.text(i.value(), i.value()));
    }

    private static List<Long> list(Host host) {
        host.set(host.buffer, 8, 4096);
        host.mustVcpu("KVM_GET_REG_LIST", GET_REG_LIST, host.buffer);
        long n = host.get(host.buffer, 8);
        List<Long> ids = new ArrayList<>();
        for (int i = 1; i <= n; i++) ids.add(host.get(host.buffer + 8L * i, 8));
        return ids;
    }

    private static int bytes(long id) {
        return 1 << (id >>> 52 & 15);
    }

    private static long read(Host host, long id) {
        host.set(host.buffer, 8, id);
        host.set(host.buffer + 8, 8, host.buffer + 4096);
        return host.vcpu(GET_ONE_REG, host.buffer);
    }

    private static byte[] get(Host host, long id) {
        long r = read(host, id);
        if (r != 0)
            throw new IllegalStateException(
                    "KVM_GET_ONE_REG of the listed " + host.registerName(id) + ": " + Errors.name(r));
        return host.bytes(host.buffer + 4096, bytes(id));
    }

    private static long set(Host host, long id, byte[] value) {
        host.set(host.buffer, 8, id);
        host.set(host.buffer + 8, 8, host.buffer + 4096);
        host.put(host.buffer + 4096, value);
        return host.vcpu(SET_ONE_REG, host.buffer);
    }
}
