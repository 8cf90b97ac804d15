/** Clients of other processes: sockets, file descriptors, client memory; the peer of the LD_PRELOAD shim. */
@org.jspecify.annotations.NullMarked
module dev.worldswitch.server {
    requires static transitive org.jspecify;
    requires transitive dev.worldswitch.kvm;

    exports dev.worldswitch.server;
    exports dev.worldswitch.server.gdb;
}
