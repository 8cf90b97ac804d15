/** Clients of other processes: their connections, descriptors, memory and signals. */
package dev.worldswitch.server;
