package dev.worldswitch.kvm;

/**
 * Short forms for ioctl rows of an architecture.
 *
 * @param <K> its KVM
 * @param <M> its VMs
 * @param <C> its vCPUs
 */
public abstract class IoctlRows<K extends KvmFile, M extends KvmFile, C extends KvmFile> {
    private final IoctlTable.Builder builder = new IoctlTable.Builder();
    private final Class<K> kvm;
    private final Class<M> vm;
    private final Class<C> vcpu;

    protected IoctlRows(Class<K> kvm, Class<M> vm, Class<C> vcpu) {
        this.kvm = kvm;
        this.vm = vm;
        this.vcpu = vcpu;
    }

    public final void system(String name, int number, int cap, String source, IoctlTable.Handler<K> h) {
        builder.add(kvm, KvmFile.Kind.SYSTEM, name, number, cap, source, h);
    }

    public final void vm(String name, int number, int cap, String source, IoctlTable.Handler<M> h) {
        builder.add(vm, KvmFile.Kind.VM, name, number, cap, source, h);
    }

    public final void vcpu(String name, int number, int cap, String source, IoctlTable.Handler<C> h) {
        builder.add(vcpu, KvmFile.Kind.VCPU, name, number, cap, source, h);
    }

    /** For rows that all architectures share. */
    public final IoctlTable.Builder builder() {
        return builder;
    }

    public final IoctlTable build() {
        return builder.build();
    }
}
