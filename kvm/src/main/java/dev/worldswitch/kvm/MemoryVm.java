package dev.worldswitch.kvm;

import dev.worldswitch.machine.cell.Ref;
import java.util.List;

/** A VM as the code for memory slots and dirty logs sees it. */
public interface MemoryVm extends KvmFile {
    GuestMemory memory();

    Client client();

    /** PAGE_SHIFT of the host's kernel: the unit of slots and dirty logs. */
    default int pageShift() {
        return Mm.PAGE_SHIFT;
    }

    /** True when a size or an address is one of whole pages. */
    default boolean pageAligned(long at) {
        return (at & (1L << pageShift()) - 1) == 0;
    }

    /** access_ok of the host's kernel for memory that slots may use. */
    default boolean accessOk(long address, long size) {
        return Mm.accessOk(address, size);
    }

    /** Number of guest-physical address spaces: 2 where there is SMM. */
    int addressSpaces();

    /** KVM_USER_MEM_SLOTS: without those that KVM keeps for itself. */
    default int memorySlots() {
        return MemoryIoctls.SLOTS;
    }

    /** kvm_arch_prepare_memory_region: 0, or why slots can't be at this place. */
    long checkRange(long gpa, long size);

    /** Makes running vCPUs leave the guest; returns when each has. */
    void kickOutOfGuest();

    /** Translations that running vCPUs have cached are wrong from here on; returns when none uses them any more. */
    default void memoryChanged() {
        memory().changed();
        kickOutOfGuest();
    }

    /** Its dirty bitmaps or rings. */
    DirtyLog dirtyLog();

    /** Its vCPUs in the order in which they were made. */
    List<? extends VcpuFile> vcpuFiles();

    default boolean hasVcpus() {
        return !vcpuFiles().isEmpty();
    }

    /** True where a guest's read of a page that it has not mapped maps it for writing, so that the dirty log tells of it. */
    default boolean readsMapForWriting() {
        return false;
    }

    /** One of its vCPUs has been in the guest. */
    boolean guestRan();

    /** kvm_cpu_dirty_log_size: pages that the hardware may log on its own before an exit tells of them. */
    default int hardwareLogEntries() {
        return 0;
    }

    /** Flags that KVM_CREATE_GUEST_MEMFD takes, or a negative errno where there is no such call. */
    long guestMemfdFlags();

    /** True where a slot of this VM may have a guest_memfd behind it. */
    boolean slotsTakeGuestMemfd();

    /** kvm_arch_has_private_mem: pages of it can have KVM_MEMORY_ATTRIBUTE_PRIVATE. */
    default boolean hasPrivateMemory() {
        return false;
    }

    /** Its files of KVM_CREATE_GUEST_MEMFD. */
    Ref<List<GuestMemfd>> guestMemfds();

    /** The eventfds of KVM_IOEVENTFD. */
    Ref<List<IoEvent>> ioEvents();

    /** kvm_get_kvm: a file of this VM's has come. */
    void hold();

    /** kvm_put_kvm: one has gone. */
    void put();
}
