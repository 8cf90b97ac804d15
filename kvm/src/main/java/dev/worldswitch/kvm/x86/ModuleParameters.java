package dev.worldswitch.kvm.x86;

import java.util.HashMap;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Parameters of kvm.ko and the vendor's module, as /sys/module shows them (module_param of x86.c, mmu.c, vmx.c, svm.c). */
final class ModuleParameters {
    private static final Pattern PATH = Pattern.compile("/sys/module/(kvm|kvm_intel|kvm_amd)/parameters/(\\w+)");
    private static final Map<String, Function<Kvm, String>> PARAMETERS = new HashMap<>();

    private static void constant(String module, String value, String... names) {
        for (String n : names) PARAMETERS.put(module + "." + n, k -> value);
    }

    private static void bool(String name, Predicate<Kvm> on) {
        PARAMETERS.put(name, k -> on.test(k) ? "Y" : "N");
    }

    static {
        bool("kvm.enable_pmu", k -> k.caps().pmu().exists());
        // Nothing is mapped by huge pages here that could be split, and KVM emulates no instruction on demand.
        constant("kvm", "N", "eager_page_split", "nx_huge_pages", "ignore_msrs", "enable_vmware_backdoor");
        constant("kvm", "0", "force_emulation_prefix", "nx_huge_pages_recovery_ratio");
        constant(
                "kvm",
                "Y",
                "tdp_mmu",
                "mmio_caching",
                "report_ignored_msrs",
                "kvmclock_periodic_sync",
                "vector_hashing");
        constant("kvm", "200", "min_timer_period_us");
        constant("kvm", "250", "tsc_tolerance_ppm");
        bool("kvm_intel.nested", k -> k.caps().nested());
        constant("kvm_intel", "Y", "ept", "unrestricted_guest", "vpid", "flexpriority", "preemption_timer");
        constant("kvm_intel", "N", "allow_smaller_maxphyaddr", "enable_apicv", "emulate_invalid_guest_state", "pml");
        PARAMETERS.put("kvm_amd.nested", k -> k.caps().nested() ? "1" : "0");
        constant("kvm_amd", "Y", "npt");
        constant("kvm_amd", "N", "avic", "sev", "sev_es", "sev_snp");
    }

    private ModuleParameters() {}

    static @Nullable String text(Kvm kvm, String path) {
        Matcher m = PATH.matcher(path);
        if (!m.matches()) return null;
        String module = m.group(1), others = kvm.profile().isAmd() ? "kvm_intel" : "kvm_amd";
        Function<Kvm, String> of = PARAMETERS.get(module + "." + m.group(2));
        return of == null || module.equals(others) ? null : of.apply(kvm) + "\n";
    }
}
