package dev.worldswitch.kvm;

import dev.worldswitch.machine.Line;
import dev.worldswitch.machine.PhysicalCpu;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** vcpu-&gt;mode and vcpu-&gt;requests: how a vCPU that enters the guest and those who want something of it find each other. */
public final class GuestMode {
    private final Word requests, loadedOn, inGuestMode;
    private final List<? extends PhysicalCpu> cpus;

    /** @param cpus of the host, by their numbers */
    public GuestMode(Region region, List<? extends PhysicalCpu> cpus) {
        this.requests = region.word("requests");
        this.loadedOn = region.word("loadedOn");
        this.inGuestMode = region.word("inGuestMode");
        this.cpus = cpus;
    }

    /** KVM_REQ_* bits. */
    public Word requests() {
        return requests;
    }

    /** This CPU has the vCPU's state loaded. */
    public void loadedOn(PhysicalCpu cpu) {
        loadedOn.release(cpu.id() + 1);
    }

    /** No CPU has it. */
    public void put() {
        loadedOn.release(0);
    }

    /** IN_GUEST_MODE, with interrupts off; only what is read after it may decide that the guest is entered. */
    public void enter() {
        // Seen by others before this thread reads on, not only before it writes on: a kicker either sees it or is seen.
        inGuestMode.storeMb(1);
    }

    /** OUTSIDE_GUEST_MODE. */
    public void leave() {
        inGuestMode.release(0);
    }

    public boolean isIn() {
        return inGuestMode.acquire() != 0;
    }

    /** kvm_vcpu_exiting_guest_mode: makes a vCPU that is in the guest leave it; what was written before is seen at its entry. */
    public void kick() {
        Word.fullFence();
        int cpu = (int) loadedOn.acquire() - 1;
        if (cpu >= 0 && isIn()) cpus.get(cpu).raise(Line.KICK);
    }

    /**
     * The same, and returns once it has: what the caller changed before counts for every later guest instruction
     * (kvm_flush_remote_tlbs waits for the same reason).
     */
    public void kickOut() {
        Word.fullFence();
        int cpu = (int) loadedOn.acquire() - 1;
        if (cpu < 0 || !isIn()) return;
        PhysicalCpu physical = cpus.get(cpu);
        physical.raise(Line.KICK);
        // Elsewhere by now: it left the guest on the way.
        while (isIn() && loadedOn.acquire() == cpu + 1 && physical.isPending(Line.KICK)) Thread.onSpinWait();
    }

    /** KVM_RUN ended anywhere: nobody shall wait for this vCPU to leave the guest. */
    public void brokeDown() {
        leave();
        put();
    }

    /** The CPU that executes the guest's instructions now; null between. */
    public @Nullable PhysicalCpu executing() {
        int cpu = (int) loadedOn.acquire() - 1;
        return cpu >= 0 && isIn() && cpus.get(cpu).inGuest() ? cpus.get(cpu) : null;
    }
}
