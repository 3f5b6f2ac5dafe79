/* What Main.cpp can run. Each has a process of its own, and ends the program with 1 when something does not hold. */
#pragma once

void Messages();
void Requests();
void Killed();
void Garbage();
void Full();
void Instances();
void Connector();
void Cycles();
void Shutdown();
void Settings();
void ConfigErrors();
void NoLibrary();
void Vectors();
void Specs();
