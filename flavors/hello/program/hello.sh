#!/bin/sh
cat /usr/share/greeting/text
