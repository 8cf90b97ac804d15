package dev.worldswitch.kvm.arm64;

import dev.worldswitch.kernel.Kernel;
import dev.worldswitch.machine.PhysicalCpu;
import dev.worldswitch.machine.arm64.SysReg;
import dev.worldswitch.machine.cell.Ref;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;
import dev.worldswitch.machine.cell.Words;
import java.util.List;

/** struct kvm_host_data: what the hypervisor keeps per physical CPU. */
final class HostData {
    private final Ref<FpOwner> fpOwner;
    private final Words hostSys;
    private final Word pmscr, pmblimitr, mdcr, mdcrAtBoot, pmuserenr, pmuserenrOnCpu, hostSveEnabled, hostSmeEnabled;

    private HostData(Region region) {
        fpOwner = region.ref("fpOwner", FpOwner.FREE);
        hostSys = region.words("hostContext", SysReg.count());
        pmscr = region.word("pmscrEl1");
        pmblimitr = region.word("pmblimitrEl1");
        mdcr = region.word("mdcrEl2");
        mdcrAtBoot = region.word("mdcrEl2AtBoot");
        pmuserenrOnCpu = region.word("pmuserenrOnCpu");
        pmuserenr = region.word("pmuserenrEl0");
        hostSveEnabled = region.word("hostSveEnabled");
        hostSmeEnabled = region.word("hostSmeEnabled");
    }

    static List<HostData> perCpu(Kernel kernel) {
        return kernel.perCpus().stream()
                .map(p -> new HostData(p.region().child("kvmHostData")))
                .toList();
    }

    static HostData of(List<HostData> all, PhysicalCpu cpu) {
        return all.get(cpu.id());
    }

    Ref<FpOwner> fpOwner() {
        return fpOwner;
    }

    boolean guestOwnsFpRegs() {
        return fpOwner.get() == FpOwner.GUEST_OWNED;
    }

    /** host_ctxt: the host's EL1 and EL0 registers while a guest's are in the CPU. */
    Words hostSys() {
        return hostSys;
    }

    /** host_debug_state.pmscr_el1: nonzero when sampling was stopped and has to go on. */
    Word pmscr() {
        return pmscr;
    }

    Word pmblimitr() {
        return pmblimitr;
    }

    Word mdcr() {
        return mdcr;
    }

    /** MDCR_EL2 as KVM found it, for its HPMN. */
    Word mdcrAtBoot() {
        return mdcrAtBoot;
    }

    /** The host's PMUSERENR_EL0 while a guest's is in the CPU. */
    Word pmuserenr() {
        return pmuserenr;
    }

    /** PMUSERENR_ON_CPU: the guest's is in the CPU. */
    Word pmuserenrOnCpu() {
        return pmuserenrOnCpu;
    }

    /** Before {@code host-fp-save-flush}: the host's EL0 had SVE enabled when the vCPU was loaded. */
    Word hostSveEnabled() {
        return hostSveEnabled;
    }

    /** The same for SME. */
    Word hostSmeEnabled() {
        return hostSmeEnabled;
    }
}
