/** x86 hosts, VMMs and guests under exploration. */
package dev.worldswitch.explore.x86;
