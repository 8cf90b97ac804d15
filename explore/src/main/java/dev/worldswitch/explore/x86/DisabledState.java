package dev.worldswitch.explore.x86;

import static dev.worldswitch.kvm.IoctlTable.ior;

import dev.worldswitch.kvm.x86.Vcpu;
import dev.worldswitch.machine.x86.XsaveLayout;
import java.util.Arrays;

/** State that a guest has disabled by IA32_XFD, in the images that KVM gives to clients. */
final class DisabledState {
    static final String RULE =
            "KVM_GET_XSAVE, KVM_GET_XSAVE2: a component that IA32_XFD disables is old or initial (SDM vol. 1, 13.14)";
    private static final int GET_XSAVE = ior(0xa4, 4096), GET_XSAVE2 = ior(0xcf, 4096);

    private DisabledState() {}

    /** The images are equal but for disabled components and their bits in XSTATE_BV. */
    static boolean mayDiffer(Vcpu v, int command, byte[] then, byte[] now) {
        if (command != GET_XSAVE && command != GET_XSAVE2) return false;
        XsaveLayout layout = v.vm().kvm().profile().xsave();
        long disabled = v.guestFpu().xfd().get();
        byte[] a = then.clone(), b = now.clone();
        for (int i = 0; i < Long.SIZE; i++) {
            if ((disabled >>> i & 1) == 0 || !layout.has(i)) continue;
            XsaveLayout.Component c = layout.component(i);
            if (c.offset() + c.size() > a.length) continue;
            Arrays.fill(a, c.offset(), c.offset() + c.size(), (byte) 0);
            Arrays.fill(b, c.offset(), c.offset() + c.size(), (byte) 0);
            a[XsaveLayout.XSTATE_BV + i / 8] &= (byte) ~(1 << i % 8);
            b[XsaveLayout.XSTATE_BV + i / 8] &= (byte) ~(1 << i % 8);
        }
        return Arrays.equals(a, b);
    }
}
