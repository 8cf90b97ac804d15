/** Running many clients, as lists of other test suites name them. */
package dev.worldswitch.cli.suite;
