package dev.worldswitch.server;

import java.lang.foreign.ValueLayout;

/** What a client writes into the page that it shares with the server. */
final class MailboxBytes {
    private MailboxBytes() {}

    static void put(long address, int value) {
        Native.memory().set(ValueLayout.JAVA_INT_UNALIGNED, address, value);
    }
}
