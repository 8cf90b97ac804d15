package dev.worldswitch.explore;

import dev.worldswitch.kvm.Caller;
import dev.worldswitch.kvm.DebuggedVcpu;
import dev.worldswitch.kvm.Debugger;
import dev.worldswitch.kvm.VcpuPort;
import dev.worldswitch.machine.cell.Word;
import org.jspecify.annotations.Nullable;

/** Has the guest that runs leave after a number of instructions; another debugger of the same vCPUs goes on as without. */
final class InstructionLimit implements Debugger {
    /** Instructions until the guest leaves, plus 1; 0 for any number. */
    private final Word left;

    private final Runnable reached;
    private final @Nullable Debugger other;

    InstructionLimit(Word left, Runnable reached, @Nullable Debugger other) {
        this.left = left;
        this.reached = reached;
        this.other = other;
    }

    /** @param instructions {@link Recording#WHOLE} or {@link Recording#WAITING} for no limit */
    void set(long instructions) {
        left.set(instructions == Recording.WAITING ? 0 : instructions + 1);
    }

    @Override
    public VcpuPort attach(DebuggedVcpu vcpu) {
        return new Port(other == null ? null : other.attach(vcpu));
    }

    private final class Port implements VcpuPort {
        private final @Nullable VcpuPort of;

        Port(@Nullable VcpuPort of) {
            this.of = of;
        }

        @Override
        public boolean stopsBefore(long pc) {
            long n = left.get();
            if (n == 1) {
                reached.run();
                return true;
            }
            if (of != null && of.stopsBefore(pc)) return true;
            if (n > 1) left.set(n - 1);
            return false;
        }

        @Override
        public int generation() {
            return of == null ? 0 : of.generation();
        }

        @Override
        public boolean breaksAt(long pc) {
            return of != null && of.breaksAt(pc);
        }

        @Override
        public boolean oneByOne() {
            return of != null && of.oneByOne();
        }

        @Override
        public boolean watches() {
            return of != null && of.watches();
        }

        @Override
        public void touches(long address, int size, boolean write) {
            if (of != null) of.touches(address, size, write);
        }

        @Override
        public void inRunLoop(boolean now) {
            if (of != null) of.inRunLoop(now);
        }

        @Override
        public boolean holds() {
            return of != null && of.holds();
        }

        @Override
        public boolean passes(Caller caller) {
            return of == null || of.passes(caller);
        }

        @Override
        public void released() {
            if (of != null) of.released();
        }
    }
}
