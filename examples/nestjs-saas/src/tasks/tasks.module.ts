import { Module } from '@nestjs/common'
import { TypeOrmModule } from '@nestjs/typeorm'
import { ProjectsModule } from '../projects/projects.module.ts'
import { Task } from './task.entity.ts'
import { TasksController } from './tasks-controller.ts'
import { Tasks } from './tasks.ts'

@Module({
  imports: [ProjectsModule, TypeOrmModule.forFeature([Task])],
  controllers: [TasksController],
  providers: [Tasks],
})
export class TasksModule {}
