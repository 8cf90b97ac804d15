package dev.worldswitch.server.gdb;

import dev.worldswitch.kvm.DebugRegister;
import dev.worldswitch.kvm.DebuggedVcpu;
import java.util.List;

/** A vCPU's registers as GDB's target description (GDB manual, appendix G). */
final class TargetDescription {
    private static final String STANDARD = "org.gnu.gdb.";

    private TargetDescription() {}

    static String of(DebuggedVcpu vcpu, List<DebugRegister> registers) {
        StringBuilder b = new StringBuilder("<?xml version=\"1.0\"?>\n<!DOCTYPE target SYSTEM \"gdb-target.dtd\">\n");
        b.append("<target version=\"1.0\">\n<architecture>")
                .append(vcpu.architecture())
                .append("</architecture>\n");
        String feature = "";
        int number = 0;
        for (DebugRegister r : registers) {
            if (!r.feature().equals(feature)) {
                if (!feature.isEmpty()) b.append("</feature>\n");
                feature = r.feature();
                b.append("<feature name=\"").append(feature).append("\">\n").append(vcpu.types(feature));
            }
            b.append("<reg name=\"").append(r.name()).append("\" bitsize=\"").append(r.bits());
            b.append("\" regnum=\"").append(number++).append('"');
            if (!r.type().isEmpty()) b.append(" type=\"").append(r.type()).append('"');
            if (!isStandard(r)) b.append(" group=\"system\" save-restore=\"no\"");
            b.append("/>\n");
        }
        return b.append("</feature>\n</target>\n").toString();
    }

    /** GDB knows what it is for; others are fetched one by one, when somebody asks for them. */
    static boolean isStandard(DebugRegister r) {
        return r.feature().startsWith(STANDARD);
    }
}
