"""SunSpec meters, inverters and batteries, read by Modbus."""
